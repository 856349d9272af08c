// SPDX-License-Identifier: Apache-2.0

package git

// OnStep has a function called between the steps that change what is on disk.
func (s *Store) OnStep(step func(name string)) { s.step = step }
