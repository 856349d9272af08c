// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	s3      = `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1","eventTime":"2026-01-02T03:04:05.678Z","eventName":"ObjectCreated:Put","s3":{"s3SchemaVersion":"1.0","configurationId":"c","bucket":{"name":"lake","ownerIdentity":{"principalId":"A"},"arn":"arn:aws:s3:::lake"},"object":{"key":"orders/a+b%2B1%C3%A9.csv","size":3,"eTag":"d41d8cd9","sequencer":"0055AED6DCD90281E5"}}}]}`
	bridge  = `{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103","detail-type":"Object Created","source":"aws.s3","account":"111122223333","time":"2026-01-02T03:04:05Z","region":"eu-west-1","resources":["arn:aws:s3:::lake"],"detail":{"version":"0","bucket":{"name":"lake"},"object":{"key":"orders/a+b.csv","size":5,"etag":"b1946ac92492d2347c6235b4d2611184","sequencer":"617f08299329d189"},"reason":"PutObject"}}`
	pubsub  = `{"message":{"attributes":{"bucketId":"lake","eventType":"OBJECT_FINALIZE","objectId":"orders/a b.csv","payloadFormat":"JSON_API_V1"},"data":"e30=","messageId":"1","publishTime":"2026-01-02T03:04:05Z"},"subscription":"projects/p/subscriptions/s"}`
	grid    = `[{"topic":"/subscriptions/x","subject":"/blobServices/default/containers/lake/blobs/orders/a.csv","eventType":"Microsoft.Storage.BlobCreated","id":"831e1650","data":{"api":"PutBlob","url":"https://acc.blob.core.windows.net/lake/orders/a.csv"},"dataVersion":"","metadataVersion":"1","eventTime":"2026-01-02T03:04:05Z"}]`
	shake   = `[{"id":"2d1781af","topic":"/subscriptions/x","subject":"","data":{"validationCode":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6","validationUrl":"https://rp.example.com"},"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","eventTime":"2026-01-02T03:04:05Z","metadataVersion":"1","dataVersion":"2"}]`
	eventar = `{"specversion":"1.0","id":"1","source":"//storage.googleapis.com/projects/_/buckets/lake","type":"google.cloud.storage.object.v1.finalized","subject":"objects/orders/a.csv","data":{"bucket":"lake","name":"orders/a.csv"}}`
	azureCE = `{"specversion":"1.0","id":"1","source":"/subscriptions/x","type":"Microsoft.Storage.BlobCreated","subject":"/blobServices/default/containers/lake/blobs/a.csv","data":{}}`
	own     = `{"specversion":"1.0","id":"1","source":"x","type":"y","data":{"uri":"file:///data/orders/a.csv"}}`
)

// TestRead reads one of each kind, as its sender documents it.
func TestRead(t *testing.T) {
	text, err := json.Marshal(s3)
	if err != nil {
		t.Fatal(err)
	}
	sns := func(kind string) string {
		return `{"Type":"` + kind + `","MessageId":"1","TopicArn":"arn:aws:sns:eu-west-1:1:t","Message":` + string(text) + `}`
	}
	binary := map[string]string{"Ce-Specversion": "1.0", "Ce-Type": "t", "Ce-Source": "s", "Ce-Subject": "s3://lake/orders/a.csv"}
	for name, tc := range map[string]struct {
		body   string
		header map[string]string
		want   Notice
		err    string
	}{
		"S3, whose keys are written as in a query": {body: s3, want: Notice{Objects: []string{"s3://lake/orders/a b+1é.csv"}}},
		"S3's test":                         {body: `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-01-02T03:04:05Z","Bucket":"lake","RequestId":"1","HostId":"2"}`},
		"SNS around S3":                     {body: sns("Notification"), want: Notice{Objects: []string{"s3://lake/orders/a b+1é.csv"}}},
		"SNS asks to open an address":       {body: sns("SubscriptionConfirmation"), err: "a subscription of SNS is confirmed by whoever made it"},
		"EventBridge, whose keys are plain": {body: bridge, want: Notice{Objects: []string{"s3://lake/orders/a+b.csv"}}},
		"Pub/Sub":                           {body: pubsub, want: Notice{Objects: []string{"gs://lake/orders/a b.csv"}}},
		"Event Grid":                        {body: grid, want: Notice{Objects: []string{"azblob://lake/orders/a.csv"}}},
		"Event Grid's handshake":            {body: shake, want: Notice{Answer: map[string]string{"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}}},
		"a CloudEvent of Google's":          {body: eventar, want: Notice{Objects: []string{"gs://lake/orders/a.csv"}}},
		"a CloudEvent of Azure's":           {body: azureCE, want: Notice{Objects: []string{"azblob://lake/a.csv"}}},
		"a CloudEvent of one's own":         {body: own, want: Notice{Objects: []string{"file:///data/orders/a.csv"}}},
		"several":                           {body: "[" + own + "," + eventar + "]", want: Notice{Objects: []string{"file:///data/orders/a.csv", "gs://lake/orders/a.csv"}}},
		"a CloudEvent in headers":           {header: binary, body: "hello", want: Notice{Objects: []string{"s3://lake/orders/a.csv"}}},
		"a CloudEvent about something else": {body: `{"specversion":"1.0","id":"1","source":"x","type":"y","subject":"z","data":[1]}`},
		"a record without an object":        {body: `{"Records":[{},{"s3":{"bucket":{"name":"a/b"},"object":{"key":"c"}}}]}`},
		"a key that is none in a query":     {body: `{"Records":[{"s3":{"bucket":{"name":"lake"},"object":{"key":"100%"}}}]}`, want: Notice{Objects: []string{"s3://lake/100%"}}},
		"SNS in SNS":                        {body: `{"Type":"Notification","TopicArn":"x","Message":"{\"TopicArn\":\"y\",\"Message\":\"{}\"}"}`, err: errUnknown.Error()},
		"nothing that is known":             {body: `{"hello":"world"}`, err: errUnknown.Error()},
		"null":                              {body: `null`, err: errUnknown.Error()},
		"no JSON":                           {body: `Records=1`, err: "it is not the JSON of a notification"},
		"nothing":                           {body: ``, err: "it is not the JSON of a notification"},
		"no text":                           {body: "\xff", err: "it is not UTF-8"},
		"too much":                          {body: strings.Repeat(" ", MaxSize+1), err: "it has more than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read(func(name string) string { return tc.header[name] }, []byte(tc.body))
			if text := ""; err != nil || tc.err != "" {
				if err != nil {
					text = err.Error()
				}
				if tc.err == "" || !strings.HasPrefix(text, tc.err) {
					t.Fatalf("the error is %q, want %q", text, tc.err)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestBounds: of a notification about many objects the first are taken.
func TestBounds(t *testing.T) {
	var many []string
	for range 3 * maxObjects {
		many = append(many, `{"s3":{"bucket":{"name":"lake"},"object":{"key":"a"}}}`)
	}
	got, err := Read(func(string) string { return "" }, []byte(`{"Records":[`+strings.Join(many, ",")+`]}`))
	if err != nil || len(got.Objects) != maxObjects {
		t.Errorf("%d objects are taken, %v", len(got.Objects), err)
	}
}

// FuzzRead: whatever is sent, what is taken of it is bounded, and an object has an address.
func FuzzRead(f *testing.F) {
	for _, body := range []string{s3, bridge, pubsub, grid, shake, eventar, azureCE, own, "[]", "{}"} {
		f.Add(body, "")
		f.Add(body, "s3://lake/a")
	}
	f.Fuzz(func(t *testing.T, body, subject string) {
		got, err := Read(func(name string) string {
			if name == "Ce-Specversion" || name == "Ce-Subject" {
				return subject
			}
			return ""
		}, []byte(body))
		if err != nil && len(got.Objects) > 0 {
			t.Errorf("%v, and %q are taken", err, got.Objects)
		}
		if len(got.Objects) > maxObjects {
			t.Errorf("%d objects are taken", len(got.Objects))
		}
		for _, o := range got.Objects {
			if _, rest, ok := strings.Cut(o, "://"); !ok || !strings.Contains(rest, "/") || len(o) > maxText+len(":///") {
				t.Errorf("%q is no address", o)
			}
		}
	})
}
