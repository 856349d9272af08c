// SPDX-License-Identifier: Apache-2.0

// Package asset names datasets as Apache Airflow names its assets: the version of a dataset is one asset. It is pure, and the package
// trunkline_airflow has the same functions in Python.
package asset

import (
	"fmt"
	"regexp"
	"strings"
)

// scheme begins the addresses of assets that are datasets.
const scheme = "trunkline://"

// dataset is the id of one: names as Kubernetes has labels, and a version. Nothing of it has to be written in another way in an address, and
// Airflow leaves it as it is.
var dataset = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?@[a-zA-Z0-9]([a-zA-Z0-9._-]{0,30}[a-zA-Z0-9])?$`)

// URI is the address of the asset that a dataset is: of "orders/clean@1" it is "trunkline://orders/clean@1".
func URI(id string) (string, error) {
	if !dataset.MatchString(id) {
		return "", fmt.Errorf("%.120q is not the id of a dataset, such as \"orders/clean@1\"", id)
	}
	return scheme + id, nil
}

// Dataset is the id of the dataset that an asset is. Ours is false for an asset that is none; one that begins like a dataset and names none is
// an error.
func Dataset(uri string) (id string, ours bool, err error) {
	if len(uri) < len(scheme) || !strings.EqualFold(uri[:len(scheme)], scheme) {
		return "", false, nil
	}
	id = uri[len(scheme):]
	if uri[:len(scheme)] != scheme || !dataset.MatchString(id) {
		return "", true, fmt.Errorf("%.120q is not the address of a dataset, such as \"trunkline://orders/clean@1\"", uri)
	}
	return id, true, nil
}
