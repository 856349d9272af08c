// SPDX-License-Identifier: Apache-2.0

package component

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/compatibility"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"trunkline.dev/trunkline/test/devcluster/process"
)

// ListenerFD is the descriptor under which the API server inherits its listening socket. The parent opens it on a port
// of the system's choice, so that no other program can take the port between choosing and using it.
const ListenerFD = process.LifelineFD + 1

func runAPIServer(ctx context.Context, args []string) error {
	etcd, err := startEtcd()
	if err != nil {
		return err
	}
	defer etcd.Close()

	listener, err := net.FileListener(os.NewFile(ListenerFD, "listener"))
	if err != nil {
		return fmt.Errorf("taking over the API server's socket: %w", err)
	}
	s := options.NewServerRunOptions()
	flags := pflag.NewFlagSet(APIServer, pflag.ContinueOnError)
	named := s.Flags()
	for _, set := range named.FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("reading the flags of %s: %w", APIServer, err)
	}
	s.SecureServing.Listener = listener

	// From here on as kube-apiserver's own command does it, which has no way to hand over a listener.
	registry := s.GenericServerRunOptions.ComponentGlobalsRegistry
	if err := registry.Set(); err != nil {
		return fmt.Errorf("setting the feature gates of %s: %w", APIServer, err)
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	if err := logsapi.ValidateAndApply(s.Logs, registry.FeatureGateFor(compatibility.DefaultKubeComponent)); err != nil {
		return fmt.Errorf("setting up the log of %s: %w", APIServer, err)
	}
	completed, err := s.Complete(ctx)
	if err != nil {
		return fmt.Errorf("completing the options of %s: %w", APIServer, err)
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return fmt.Errorf("checking the options of %s: %w", APIServer, utilerrors.NewAggregate(errs))
	}
	if err := app.Run(ctx, completed); err != nil {
		return fmt.Errorf("running %s: %w", APIServer, err)
	}
	return nil
}
