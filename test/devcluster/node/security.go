// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
)

// nonRoot is the user of a container that must not be root and names no user; many images use this number.
const nonRoot = 65532

// identity is the user and group a container's process sees as its own.
func identity(pod *corev1.Pod, c *corev1.Container) (uid, gid int, err error) {
	var user, group *int64
	var must bool
	if s := pod.Spec.SecurityContext; s != nil {
		user, group = s.RunAsUser, s.RunAsGroup
		must = s.RunAsNonRoot != nil && *s.RunAsNonRoot
	}
	if s := c.SecurityContext; s != nil {
		if s.RunAsUser != nil {
			user = s.RunAsUser
		}
		if s.RunAsGroup != nil {
			group = s.RunAsGroup
		}
		if s.RunAsNonRoot != nil {
			must = *s.RunAsNonRoot
		}
	}
	switch {
	case user != nil:
		uid = int(*user)
	case must:
		uid = nonRoot
	}
	if must && uid == 0 {
		return 0, 0, errors.New("the container must not run as root (runAsNonRoot), but runAsUser is 0")
	}
	switch {
	case group != nil:
		gid = int(*group)
	case user == nil:
		gid = uid
	}
	return uid, gid, nil
}

// readOnlyRoot reports whether the container asked for a root it cannot write to.
func readOnlyRoot(c *corev1.Container) bool {
	s := c.SecurityContext
	return s != nil && s.ReadOnlyRootFilesystem != nil && *s.ReadOnlyRootFilesystem
}
