// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/cmd/trunkline/config"
)

// readConfig returns the flags that were not given what the configuration says.
func (s *serve) readConfig(flags *pflag.FlagSet) error {
	if s.config == "" {
		return nil
	}
	data, err := os.ReadFile(s.config)
	if err != nil {
		return &troubleError{fmt.Errorf("reading the configuration: %w", err)}
	}
	settings, problems := config.Read(s.config, data)
	if len(problems) > 0 {
		return &troubleError{errors.New(problems.String())}
	}
	for _, setting := range settings {
		flag := flags.Lookup(setting.Flag)
		if flag.Changed {
			continue
		}
		for _, value := range setting.Values {
			if err := flag.Value.Set(value); err != nil {
				return &troubleError{fmt.Errorf("%s: error: %s: %w", setting.Position, setting.Path, err)}
			}
		}
	}
	return nil
}
