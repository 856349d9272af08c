// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// labelProject is on every object of a project.
const labelProject = "trunkline.dev/project"

// clusterAPI asks a cluster itself, without the daemon: the demo believes nothing that it can look up.
type clusterAPI struct {
	name       string
	kubeconfig string
	discovery  discovery.DiscoveryInterface
	metadata   metadata.Interface
}

func newClusterAPI(name, kubeconfig string) (*clusterAPI, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig of cluster %s: %w", name, err)
	}
	cfg.QPS = -1 // one list for each kind, and nobody else is there
	cfg.WarningHandler = rest.NoWarnings{}
	disco, discoErr := discovery.NewDiscoveryClientForConfig(cfg)
	meta, metaErr := metadata.NewForConfig(cfg)
	if err := errors.Join(discoErr, metaErr); err != nil {
		return nil, fmt.Errorf("making a client of cluster %s: %w", name, err)
	}
	return &clusterAPI{name: name, kubeconfig: kubeconfig, discovery: disco, metadata: meta}, nil
}

// object is what the demo looks at of an object in a cluster.
type object struct {
	project string
	uid     string
	version string
	// declared identifies what was declared of the object, leaving out what its controller says of it in the
	// status. A CronJob's status changes whenever its time has come.
	declared string
	// controlled reports whether a controller made it, such as a Job's pod.
	controlled bool
}

// objects are objects by where they are, as in "dev: apps/deployments storefront-dev/figures".
type objects map[string]object

// snapshot lists the objects of all projects in all kinds that the clusters know.
func snapshot(ctx context.Context, clusters []*clusterAPI) (objects, error) {
	all := objects{}
	for _, c := range clusters {
		if err := c.list(ctx, all); err != nil {
			return nil, fmt.Errorf("listing the objects of cluster %s: %w", c.name, err)
		}
	}
	return all, nil
}

func (c *clusterAPI) list(ctx context.Context, into objects) error {
	groups, err := c.discovery.ServerPreferredResources()
	if err != nil {
		return fmt.Errorf("asking for its kinds: %w", err)
	}
	for _, group := range groups {
		gv, err := schema.ParseGroupVersion(group.GroupVersion)
		if err != nil {
			return fmt.Errorf("asking for its kinds: %w", err)
		}
		for _, r := range group.APIResources {
			if !slices.Contains(r.Verbs, "list") {
				continue
			}
			resource := gv.WithResource(r.Name)
			list, err := c.metadata.Resource(resource).List(ctx, metav1.ListOptions{LabelSelector: labelProject})
			if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
				continue
			}
			if err != nil {
				return fmt.Errorf("listing %s: %w", resource.GroupResource(), err)
			}
			for i := range list.Items {
				o := &list.Items[i]
				key := fmt.Sprintf("%s: %s %s", c.name, resource.GroupResource(), o.Name)
				if o.Namespace != "" {
					key = fmt.Sprintf("%s: %s %s/%s", c.name, resource.GroupResource(), o.Namespace, o.Name)
				}
				into[key] = newObject(o)
			}
		}
	}
	return nil
}

func newObject(o *metav1.PartialObjectMetadata) object {
	fields := slices.DeleteFunc(slices.Clone(o.ManagedFields), func(f metav1.ManagedFieldsEntry) bool { return f.Subresource != "" })
	declared, err := json.Marshal(fields)
	if err != nil {
		declared = []byte(o.ResourceVersion) // then nothing but the version tells
	}
	return object{
		project: o.Labels[labelProject], uid: string(o.UID), version: o.ResourceVersion,
		declared:   strconv.FormatInt(o.Generation, 10) + string(declared),
		controlled: metav1.GetControllerOf(o) != nil,
	}
}

// of returns the objects of one project.
func (os objects) of(project string) objects {
	return os.filter(func(o object) bool { return o.project == project })
}

// without returns the objects of all projects but one, and of those what was declared: what controllers make
// comes and goes, as the pods of a CronJob do.
func (os objects) without(project string) objects {
	return os.filter(func(o object) bool { return o.project != project && !o.controlled })
}

func (os objects) filter(keep func(object) bool) objects {
	kept := objects{}
	for key, o := range os {
		if keep(o) {
			kept[key] = o
		}
	}
	return kept
}

// differences lists what happened between two snapshots. It counts, and does not list, the objects of which only
// the status is new: their controllers report in it.
func differences(before, after objects) (diffs []string, reported int) {
	for key, b := range before {
		switch a, ok := after[key]; {
		case !ok:
			diffs = append(diffs, key+" is gone")
		case a.uid != b.uid:
			diffs = append(diffs, key+" was replaced")
		case a.version != b.version && a.declared != b.declared:
			diffs = append(diffs, fmt.Sprintf("%s was changed (resourceVersion %s, was %s)", key, a.version, b.version))
		case a.version != b.version:
			reported++
		}
	}
	for key := range after {
		if _, ok := before[key]; !ok {
			diffs = append(diffs, key+" is new")
		}
	}
	slices.Sort(diffs)
	return diffs, reported
}
