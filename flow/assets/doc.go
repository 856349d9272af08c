// SPDX-License-Identifier: Apache-2.0

// Package assets is between lots and the events of Apache Airflow's assets, in both directions. A lot that is available becomes an event of
// the asset that its dataset is; and what a task says in an event that it has made of a lot becomes the manifest of the lot.
//
// Of Trunkline it imports api/asset, api/lot and parts of flow that know manifests and stores.
package assets
