// SPDX-License-Identifier: Apache-2.0

// Echo prints what it is given, each value with a NUL behind it.
package main

import (
	"fmt"
	"os"
)

func main() {
	for _, value := range append([]string{os.Getenv("VALUE"), os.Getenv("MIXED"), os.Getenv("odd.name-1")}, os.Args[1:]...) {
		fmt.Print(value + "\x00")
	}
}
