// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"math"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// revisions is how many old revisions of a workload are kept.
const revisions = 10

func deploymentDefaults(s *appsv1.DeploymentSpec) {
	const tenMinutes = 600
	podSpecDefaults(&s.Template.Spec)
	orNew(&s.Replicas, 1)
	orNew(&s.RevisionHistoryLimit, revisions)
	orNew(&s.ProgressDeadlineSeconds, tenMinutes)
	or(&s.Strategy.Type, appsv1.RollingUpdateDeploymentStrategyType)
	if s.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		orNew(&s.Strategy.RollingUpdate, appsv1.RollingUpdateDeployment{})
		orNew(&s.Strategy.RollingUpdate.MaxUnavailable, intstr.FromString("25%"))
		orNew(&s.Strategy.RollingUpdate.MaxSurge, intstr.FromString("25%"))
	}
}

func statefulSetDefaults(s *appsv1.StatefulSetSpec) {
	podSpecDefaults(&s.Template.Spec)
	orNew(&s.Replicas, 1)
	orNew(&s.RevisionHistoryLimit, revisions)
	or(&s.PodManagementPolicy, appsv1.OrderedReadyPodManagement)
	or(&s.UpdateStrategy.Type, appsv1.RollingUpdateStatefulSetStrategyType)
	if s.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType {
		orNew(&s.UpdateStrategy.RollingUpdate, appsv1.RollingUpdateStatefulSetStrategy{})
		orNew(&s.UpdateStrategy.RollingUpdate.Partition, 0)
	}
	orNew(&s.PersistentVolumeClaimRetentionPolicy, appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{})
	or(&s.PersistentVolumeClaimRetentionPolicy.WhenDeleted, appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
	or(&s.PersistentVolumeClaimRetentionPolicy.WhenScaled, appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
	for i := range s.VolumeClaimTemplates {
		c := &s.VolumeClaimTemplates[i]
		or(&c.APIVersion, "v1")
		or(&c.Kind, "PersistentVolumeClaim")
		claimDefaults(&c.Spec)
		or(&c.Status.Phase, corev1.ClaimPending)
	}
}

func daemonSetDefaults(s *appsv1.DaemonSetSpec) {
	podSpecDefaults(&s.Template.Spec)
	orNew(&s.RevisionHistoryLimit, revisions)
	or(&s.UpdateStrategy.Type, appsv1.RollingUpdateDaemonSetStrategyType)
	if s.UpdateStrategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		orNew(&s.UpdateStrategy.RollingUpdate, appsv1.RollingUpdateDaemonSet{})
		orNew(&s.UpdateStrategy.RollingUpdate.MaxUnavailable, intstr.FromInt32(1))
		orNew(&s.UpdateStrategy.RollingUpdate.MaxSurge, intstr.FromInt32(0))
	}
}

func jobDefaults(j *batchv1.Job) {
	const tries = 6
	s := &j.Spec
	podSpecDefaults(&s.Template.Spec)
	if s.Completions == nil && s.Parallelism == nil {
		orNew(&s.Completions, 1)
	}
	orNew(&s.Parallelism, 1)
	if s.BackoffLimitPerIndex != nil {
		orNew(&s.BackoffLimit, math.MaxInt32)
	}
	orNew(&s.BackoffLimit, tries)
	orNew(&s.CompletionMode, batchv1.NonIndexedCompletion)
	orNew(&s.Suspend, false)
	orNew(&s.ManualSelector, false)
	replace := batchv1.TerminatingOrFailed
	if s.PodFailurePolicy != nil {
		replace = batchv1.Failed
		for i := range s.PodFailurePolicy.Rules {
			conditions := s.PodFailurePolicy.Rules[i].OnPodConditions
			for k := range conditions {
				or(&conditions[k].Status, corev1.ConditionTrue)
			}
		}
	}
	orNew(&s.PodReplacementPolicy, replace)
	if len(j.Labels) == 0 {
		j.Labels = s.Template.Labels
	}
}

func cronJobDefaults(s *batchv1.CronJobSpec) {
	podSpecDefaults(&s.JobTemplate.Spec.Template.Spec)
	or(&s.ConcurrencyPolicy, batchv1.AllowConcurrent)
	orNew(&s.Suspend, false)
	orNew(&s.SuccessfulJobsHistoryLimit, 3)
	orNew(&s.FailedJobsHistoryLimit, 1)
}
