// SPDX-License-Identifier: Apache-2.0

// Package notice reads what object stores send when something was written: S3 and what speaks like it, also through EventBridge and SNS,
// Google Cloud Storage through Pub/Sub, Azure Blob Storage through Event Grid, and CloudEvents of whoever has more to say. All that is
// taken of it is which objects it is about.
//
// It is pure, and imports nothing of Trunkline.
package notice

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	// MaxSize is how many bytes a notification may have.
	MaxSize = 1 << 20
	// maxObjects and maxText bound what is taken of one: the rest is found by listing.
	maxObjects = 1000
	maxText    = 4096
)

// Notice is what a notification says.
type Notice struct {
	// Objects are the addresses of objects, such as "s3://lake/orders/a.csv".
	Objects []string
	// Answer is what the sender wants to hear to know that it is not sending to a stranger; nil: nothing.
	Answer map[string]string
}

// Headers are those of HTTP that matter, as [net/http.Header.Get] has them.
type Headers func(name string) string

// Read reads a notification. One of a kind that is known and that is about no object has none.
func Read(header Headers, body []byte) (Notice, error) {
	switch {
	case len(body) > MaxSize:
		return Notice{}, fmt.Errorf("it has more than %d MiB", MaxSize>>20)
	case !utf8.Valid(body):
		return Notice{}, errors.New("it is not UTF-8")
	}
	var r reader
	if header("Ce-Specversion") != "" {
		r.cloudEvent(event{Type: header("Ce-Type"), Source: header("Ce-Source"), Subject: header("Ce-Subject"), Data: body})
	} else if err := r.read(body, false); err != nil {
		return Notice{}, err
	}
	return Notice{r.objects, r.answer}, nil
}

// event has the fields of all kinds of notifications, and of the envelopes around them.
type event struct {
	// Records are S3's.
	Records []record `json:"Records"`
	// Event is that of S3's test.
	Event string `json:"Event"`
	// DetailType, Source and Detail are EventBridge's.
	DetailType string          `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
	// Message is an envelope: SNS' is a text, and Pub/Sub's an object.
	Message json.RawMessage `json:"message"`
	// TopicArn tells SNS.
	TopicArn string `json:"TopicArn"`
	// EventType, Subject and Data are Event Grid's.
	EventType string          `json:"eventType"`
	Subject   string          `json:"subject"`
	Data      json.RawMessage `json:"data"`
	// SpecVersion, Type and Source are CloudEvents', and Type is SNS' too.
	SpecVersion string `json:"specversion"`
	Type        string `json:"type"`
	Source      string `json:"source"`
}

// record is one of S3's.
type record struct {
	S3 struct {
		Bucket named `json:"bucket"`
		Object struct {
			Key string `json:"key"`
		} `json:"object"`
	} `json:"s3"`
}

type named struct {
	Name string `json:"name"`
}

// reader takes what notifications say.
type reader struct {
	objects []string
	answer  map[string]string
}

// errUnknown says what is read.
var errUnknown = errors.New("it is no notification that is known: of S3, EventBridge, SNS, Pub/Sub, Event Grid, or a CloudEvent")

func (r *reader) read(body []byte, within bool) error {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil {
		if list == nil {
			return errUnknown
		}
		for _, one := range list[:min(len(list), maxObjects)] {
			if err := r.one(one, within); err != nil {
				return err
			}
		}
		return nil
	}
	return r.one(body, within)
}

func (r *reader) one(body []byte, within bool) error {
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return errors.New("it is not the JSON of a notification")
	}
	switch {
	case e.Records != nil:
		for _, one := range e.Records {
			// S3 writes keys as in a query; what cannot be read so is as it is written.
			key, err := url.QueryUnescape(one.S3.Object.Key)
			if err != nil {
				key = one.S3.Object.Key
			}
			r.add("s3", one.S3.Bucket.Name, key)
		}
	case e.Event == "s3:TestEvent":
	case e.TopicArn != "":
		var text string
		if within || json.Unmarshal(e.Message, &text) != nil {
			return errUnknown
		}
		if e.Type == "SubscriptionConfirmation" {
			return errors.New("a subscription of SNS is confirmed by whoever made it, who finds the address in the message: nothing here opens addresses that it is sent")
		}
		return r.read([]byte(text), true)
	case e.DetailType != "":
		r.cloudEvent(event{Source: e.Source, Data: e.Detail})
	case e.SpecVersion != "":
		r.cloudEvent(e)
	case e.EventType != "":
		r.grid(e)
	case len(e.Message) > 0:
		var m struct {
			Attributes struct {
				Bucket string `json:"bucketId"`
				Object string `json:"objectId"`
			} `json:"attributes"`
		}
		if json.Unmarshal(e.Message, &m) != nil {
			return errUnknown
		}
		r.add("gs", m.Attributes.Bucket, m.Attributes.Object)
	default:
		return errUnknown
	}
	return nil
}

// grid reads an event of Azure's Event Grid.
func (r *reader) grid(e event) {
	if e.EventType == "Microsoft.EventGrid.SubscriptionValidationEvent" {
		var v struct {
			Code string `json:"validationCode"`
		}
		if json.Unmarshal(e.Data, &v) == nil && v.Code != "" && len(v.Code) <= maxText {
			r.answer = map[string]string{"validationResponse": v.Code}
		}
		return
	}
	r.azure(e.Subject)
}

// azure reads the subject of an event of a blob, and reports whether it is one.
func (r *reader) azure(subject string) bool {
	rest, ok := strings.CutPrefix(subject, "/blobServices/default/containers/")
	container, blob, is := strings.Cut(rest, "/blobs/")
	if ok && is {
		r.add("azblob", container, blob)
	}
	return ok && is
}

// cloudEvent reads what an event is about: its data say so as the stores' own do, or have a "uri" or "url", or its subject is an address.
func (r *reader) cloudEvent(e event) {
	var d struct {
		Bucket json.RawMessage `json:"bucket"`
		Name   string          `json:"name"`
		Object struct {
			Key string `json:"key"`
		} `json:"object"`
		URI      string `json:"uri"`
		Manifest string `json:"manifest"`
	}
	_ = json.Unmarshal(e.Data, &d) // data of another shape say nothing
	var bucket string
	var of named
	switch {
	case json.Unmarshal(d.Bucket, &of) == nil && of.Name != "":
		r.add("s3", of.Name, d.Object.Key)
	case json.Unmarshal(d.Bucket, &bucket) == nil && bucket != "":
		r.add("gs", bucket, d.Name)
	case r.azure(e.Subject):
	default:
		for _, address := range []string{d.URI, d.Manifest, e.Subject} {
			if scheme, rest, ok := strings.Cut(address, "://"); ok {
				bucket, key, _ := strings.Cut(rest, "/")
				r.add(scheme, bucket, key)
				return
			}
		}
	}
}

// add takes an object, if it can be one.
func (r *reader) add(scheme, bucket, key string) {
	if scheme == "s3a" || scheme == "s3n" {
		scheme = "s3"
	}
	if scheme != "file" && bucket == "" || strings.Contains(bucket, "/") || key == "" || len(r.objects) == maxObjects || len(scheme)+len(bucket)+len(key) > maxText {
		return
	}
	r.objects = append(r.objects, scheme+"://"+bucket+"/"+key)
}
