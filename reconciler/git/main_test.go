// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
)

// The test binary is also the process that is killed in the middle of a collection.
const (
	killedStore = "TRUNKLINE_TEST_STORE"
	killedAt    = "TRUNKLINE_TEST_STEP"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedStore); dir != "" {
		os.Exit(collectAndDie(dir))
	}
	os.Exit(m.Run())
}

// collectAndDie collects a store and kills its own process at a step; it returns when there are fewer steps.
func collectAndDie(dir string) int {
	at, err := strconv.Atoi(os.Getenv(killedAt))
	if err != nil {
		panic(err)
	}
	s, err := git.Open(dir)
	if err != nil {
		fmt.Println(err)
		return 2
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		panic(err)
	}
	step := 0
	s.OnStep(func(name string) {
		if step++; step == at {
			fmt.Println("killed before:", name)
			_ = self.Kill()
			select {}
		}
	})
	if _, err := s.Collect(context.Background(), nil); err != nil {
		fmt.Println(err)
		return 2
	}
	return 0
}
