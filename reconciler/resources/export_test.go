// SPDX-License-Identifier: Apache-2.0

package resources

// WithTLS is for tests.
var WithTLS = withTLS
