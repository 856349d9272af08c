// SPDX-License-Identifier: Apache-2.0

package component

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/cmd"
)

// NewKubectl returns the real kubectl as a command, without its search for plugins. The tree of kubectl's commands is
// only made when it runs, because the other commands of this program should not pay for it.
func NewKubectl(in io.Reader, out, errOut io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:                "kubectl ARGS...",
		Short:              "The real kubectl",
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			if err := SetVersion(); err != nil {
				return fmt.Errorf("preparing kubectl: %w", err)
			}
			streams := genericiooptions.IOStreams{In: in, Out: out, ErrOut: errOut}
			kubectl := cmd.NewKubectlCommand(cmd.KubectlOptions{
				ConfigFlags: genericclioptions.NewConfigFlags(true).WithDiscoveryBurst(300).WithDiscoveryQPS(50).WithWarningPrinter(streams),
				IOStreams:   streams,
			})
			kubectl.SetArgs(args)
			kubectl.SetIn(in)
			kubectl.SetOut(out)
			kubectl.SetErr(errOut)
			return kubectl.ExecuteContext(c.Context())
		},
	}
}
