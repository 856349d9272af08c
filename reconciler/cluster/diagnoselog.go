// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/discovery"

	"trunkline.dev/trunkline/plan/health"
)

// maxLog bounds what is read of a log, in bytes; what is shown of it is much less.
const maxLog = 64 << 10

// log reads the last lines of a log.
func (d *diagnosis) log(ctx context.Context, of health.LogRef) []string {
	data, err := d.tail(ctx, of)
	if of.Previous && (apierrors.IsBadRequest(err) || apierrors.IsNotFound(err)) {
		of.Previous = false // the node has not kept it
		data, err = d.tail(ctx, of)
	}
	if err != nil {
		d.unread(fmt.Sprintf("the log of container %q of pod %s", of.Container, of.Pod), err)
		return nil
	}
	return health.LogLines(string(data), d.evidence.Redact)
}

func (d *diagnosis) tail(ctx context.Context, of health.LogRef) ([]byte, error) {
	client, err := discovery.NewDiscoveryClientForConfigAndClient(d.actor.conn.config, d.actor.http)
	if err != nil {
		return nil, err
	}
	stream, err := client.RESTClient().Get().
		AbsPath("api", "v1", "namespaces", of.Namespace, "pods", of.Pod, "log").
		Param("container", of.Container).
		Param("previous", strconv.FormatBool(of.Previous)).
		Param("tailLines", strconv.Itoa(health.MaxLogLines)).
		Param("limitBytes", strconv.Itoa(maxLog)).
		Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	data, err := io.ReadAll(io.LimitReader(stream, maxLog))
	if len(data) == maxLog || err != nil {
		// The last line may have been cut, and with it a value that must not be read: half of it would not be found.
		data = data[:bytes.LastIndexByte(data, '\n')+1]
	}
	if len(data) > 0 {
		return data, nil // what came is worth more than how it ended
	}
	return nil, err
}
