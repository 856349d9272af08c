// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"trunkline.dev/trunkline/render"
)

// maxObjects bounds the objects of one release, in bytes, once they are unpacked.
const maxObjects = 256 << 20

// squeeze compresses the objects of a release.
func squeeze(p *render.Packed) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(p.Data()); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// expand is the other way round. What has another digest is refused: it is not what was rendered.
func expand(data []byte, digest string) (*render.Packed, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading the objects %.12s: %w", digest, err)
	}
	bounded := &io.LimitedReader{R: z, N: maxObjects + 1}
	plain, err := io.ReadAll(bounded)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the objects %.12s: %w", digest, err)
	case len(plain) > maxObjects:
		return nil, fmt.Errorf("the objects %.12s are more than %d MiB", digest, maxObjects>>20)
	}
	var objects []*unstructured.Unstructured
	for d := json.NewDecoder(bytes.NewReader(plain)); ; {
		var one json.RawMessage
		err := d.Decode(&one)
		if errors.Is(err, io.EOF) {
			break
		}
		o := &unstructured.Unstructured{}
		if err == nil {
			err = utiljson.Unmarshal(one, &o.Object)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the objects %.12s: %w", digest, err)
		}
		objects = append(objects, o)
	}
	p, err := render.Pack(objects)
	if err != nil {
		return nil, err
	}
	if p.Digest() != digest {
		return nil, fmt.Errorf("the objects that came as %.12s are %.12s: they were changed on their way", digest, p.Digest())
	}
	return p, nil
}
