// SPDX-License-Identifier: Apache-2.0

package component

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	logsapi "k8s.io/component-base/logs/api/v1"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// Names of the components, as the command line and the log files have them.
const (
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
)

// Run runs the named component with Kubernetes' own flags until it fails or the process is told to stop.
func Run(ctx context.Context, name string, args []string) error {
	if err := SetVersion(); err != nil {
		return err
	}
	// Several commands of Kubernetes in one program each set up logging; the second would be an error otherwise.
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged

	switch name {
	case APIServer:
		return runAPIServer(ctx, args)
	case ControllerManager:
		return runCommand(ctx, controllermanager.NewControllerManagerCommand(), args)
	case Scheduler:
		return runCommand(ctx, scheduler.NewSchedulerCommand(), args)
	default:
		return fmt.Errorf("no component is called %q; there are %s, %s and %s", name, APIServer, ControllerManager, Scheduler)
	}
}

func runCommand(ctx context.Context, cmd *cobra.Command, args []string) error {
	cmd.SetArgs(args)
	cmd.SetOut(os.Stderr)
	if err := cmd.ExecuteContext(ctx); err != nil {
		return fmt.Errorf("running %s: %w", cmd.Name(), err)
	}
	return nil
}
