// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// refRoutes list branches by how their names begin.
func (g *GitHub) refRoutes() []route {
	return []route{{pattern: "GET /repos/{owner}/{repo}/git/matching-refs/{ref...}", needs: "contents:read", serve: needsGit(g.matchingRefs)}}
}

// matchingRefs answers with those that there are: none is no error.
func (g *GitHub) matchingRefs(c *call) (int, any, error) {
	begin, ok := strings.CutPrefix(c.PathValue("ref"), "heads/")
	out := []object{}
	for _, branch := range slices.Sorted(maps.Keys(c.repo.branches)) {
		if ok && strings.HasPrefix(branch, begin) {
			out = append(out, g.shapeRef(c.repo, branch, c.repo.branches[branch]))
		}
	}
	return http.StatusOK, out, nil
}
