// SPDX-License-Identifier: Apache-2.0

//go:build !events_brokers

package deliver

import (
	"errors"
	"net/url"
)

// builtWithBrokers says that the clients of brokers are not there: NATS' and Kafka's are 9 MB.
const builtWithBrokers = false

var errNoBrokers = errors.New("this program was built without the clients of NATS and Kafka; build it with the tag events_brokers")

func openNATS(*url.URL, func() (string, error)) (broker, error)  { return nil, errNoBrokers }
func openKafka(*url.URL, func() (string, error)) (broker, error) { return nil, errNoBrokers }
