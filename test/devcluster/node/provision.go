// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const (
	// StorageClass is the class of claims that name none, and its provisioner.
	StorageClass = "devcluster"
	provisioner  = "devcluster.trunkline.dev/folder"

	// Set by the controller of volumes on a claim, and by who made a volume on the volume.
	provisionerAnnotation   = "volume.kubernetes.io/storage-provisioner"
	provisionedByAnnotation = "pv.kubernetes.io/provisioned-by"
)

// folders makes a folder for each claim that asks for one, and removes it with the claim.
type folders struct {
	client kubernetes.Interface
	dir    string
	claims cache.SharedIndexInformer
	pvs    cache.SharedIndexInformer
	queue  workqueue.TypedRateLimitingInterface[cache.ObjectName]
	log    func(what string, err error)
}

// provision provides volumes until ctx is done.
func provision(ctx context.Context, cfg Config) error {
	class := &storagev1.StorageClass{
		ObjectMeta:  metav1.ObjectMeta{Name: StorageClass, Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}},
		Provisioner: provisioner,
	}
	err := retry(ctx, func(ctx context.Context) error {
		_, err := cfg.Client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("making the StorageClass %s: %w", StorageClass, err)
	}
	factory := informers.NewSharedInformerFactory(cfg.Client, 0)
	f := &folders{
		client: cfg.Client, dir: cfg.Exec.Volumes,
		claims: factory.Core().V1().PersistentVolumeClaims().Informer(),
		pvs:    factory.Core().V1().PersistentVolumes().Informer(),
		queue:  workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[cache.ObjectName](50*time.Millisecond, 10*time.Second)),
		log: func(what string, err error) {
			cfg.Log.Error("volume not handled, will try again", "volume", what, "error", err)
		},
	}
	add := func(object any) {
		if name, err := cache.DeletionHandlingObjectToName(object); err == nil { // it is one of ours
			f.queue.Add(name)
		}
	}
	for _, informer := range []cache.SharedIndexInformer{f.claims, f.pvs} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, object any) { add(object) }}); err != nil {
			return fmt.Errorf("watching volumes: %w", err)
		}
	}
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { f.claims.RunWithContext(ctx) })
	group.Go(func() { f.pvs.RunWithContext(ctx) })
	group.Go(func() { f.work(ctx) })
	<-ctx.Done()
	f.queue.ShutDown()
	return nil
}

func (f *folders) work(ctx context.Context) {
	for {
		name, shutdown := f.queue.Get()
		if shutdown {
			return
		}
		if err := f.sync(ctx, name); err != nil {
			if ctx.Err() == nil {
				f.log(name.String(), err)
			}
			f.queue.AddRateLimited(name)
		} else {
			f.queue.Forget(name)
		}
		f.queue.Done(name)
	}
}

// sync handles a claim, which has a namespace, or a volume, which has none.
func (f *folders) sync(ctx context.Context, name cache.ObjectName) error {
	of := f.claims
	if name.Namespace == "" {
		of = f.pvs
	}
	object, there, err := of.GetStore().GetByKey(name.String())
	if err != nil || !there {
		return err
	}
	switch object := object.(type) {
	case *corev1.PersistentVolumeClaim:
		return f.provide(ctx, object)
	case *corev1.PersistentVolume:
		return f.reclaim(ctx, object)
	default:
		return fmt.Errorf("unexpected object %T", object)
	}
}

// provide makes the folder and the volume of a claim. The controller of volumes joins the two.
func (f *folders) provide(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	block := claim.Spec.VolumeMode != nil && *claim.Spec.VolumeMode == corev1.PersistentVolumeBlock
	if claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil || claim.Annotations[provisionerAnnotation] != provisioner || block || claim.Spec.StorageClassName == nil {
		return nil
	}
	class, err := f.client.StorageV1().StorageClasses().Get(ctx, *claim.Spec.StorageClassName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the class of a claim: %w", err)
	}
	volume := newVolume(claim, class, f.dir)
	if err := os.MkdirAll(volume.Spec.HostPath.Path, 0o777); err != nil { //nolint:gosec // as provisioners do
		return fmt.Errorf("making the folder of a claim: %w", err)
	}
	_, err = f.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("making the volume of a claim: %w", err)
	}
	return nil
}

// newVolume is the volume for a claim.
func newVolume(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass, dir string) *corev1.PersistentVolume {
	policy := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		policy = *class.ReclaimPolicy
	}
	name := "pvc-" + string(claim.UID)
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedByAnnotation: provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			AccessModes:                   claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: policy,
			StorageClassName:              class.Name,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: filepath.Join(dir, name)}},
		},
	}
}

// reclaim removes a volume of ours whose claim is gone, with its folder.
func (f *folders) reclaim(ctx context.Context, pv *corev1.PersistentVolume) error {
	ours := pv.Annotations[provisionedByAnnotation] == provisioner && filepath.IsLocal(pv.Name)
	if !ours || pv.Status.Phase != corev1.VolumeReleased || pv.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(f.dir, pv.Name)); err != nil {
		return fmt.Errorf("removing the folder of a claim that is gone: %w", err)
	}
	if err := f.client.CoreV1().PersistentVolumes().Delete(ctx, pv.Name, metav1.DeleteOptions{}); ignoreNotFound(err) != nil {
		return fmt.Errorf("removing the volume of a claim that is gone: %w", err)
	}
	return nil
}
