//go:build !race

package builders_test

const racing = false
