// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"time"
)

// failing is how many deliveries in a row say that none arrives, and spent how much of the rate limit may be used up, as a part of it.
const (
	failing = 5
	spent   = 0.9
)

func gitHubChecks() []Check {
	return []Check{
		{"github-access", GitHub, "GitHub takes the credentials", access},
		{"github-permissions", GitHub, "the App has the permissions that it needs", permissions},
		{"github-deliveries", GitHub, "what GitHub sends arrives", deliveries},
		{"github-rate", GitHub, "there are requests left", rate},
	}
}

// connected judges what is known of a daemon that is connected to GitHub.
func connected[T any](f Facts, fact Fact[T], by func(T) []Verdict) []Verdict {
	if f.GitHub == "" {
		return unchecked("", "the configuration connects no daemon to GitHub")
	}
	return judge(fact, f.GitHub, by)
}

// each judges what is known of the platform's own repository, and then of those of sources.
func (f Facts) each(by func(AtGitHub) []Verdict) []Verdict {
	out := by(AtGitHub{f.GitHub, f.Access, f.Permissions})
	for _, s := range f.GitHubSources {
		out = append(out, by(s)...)
	}
	return out
}

func access(f Facts) []Verdict {
	if f.GitHub == "" {
		return connected(f, f.Access, nil)
	}
	return f.each(func(at AtGitHub) []Verdict {
		return must(at.Access, at.Name, "see what is between here and GitHub: a proxy, a firewall", func(a Access) []Verdict {
			switch {
			case a.Error != "":
				return []Verdict{{Fails, at.Name, a.Error, "see that the App is installed in the repository, and that its number and key are right; docs/github.md leads through it"}}
			case a.Public:
				return ok(at.Name, "everyone may read it")
			case a.App:
				return ok(at.Name, "as the App")
			}
			return ok(at.Name, "by a token: commit statuses instead of checks")
		})
	})
}

func permissions(f Facts) []Verdict {
	if f.GitHub == "" {
		return connected(f, f.Permissions, nil)
	}
	return f.each(granted)
}

// granted judges the permissions of the App in a repository.
func granted(at AtGitHub) []Verdict {
	return judge(at.Permissions, at.Name, func(all []Permission) []Verdict {
		var missing []string
		for _, p := range all {
			if !enough(p.Has, p.Needed) {
				missing = append(missing, fmt.Sprintf("%s: %s instead of %s", p.Name, orNone(p.Has), p.Needed))
			}
		}
		if len(missing) > 0 {
			return []Verdict{{Fails, at.Name, "missing: " + some(missing, len(all), "; "), "change them on the App's page, and have an owner accept that for the installation; docs/github.md says what each is for"}}
		}
		return ok(at.Name, "all %d", len(all))
	})
}

// levels are the accesses that a permission may have, from the least on.
var levels = map[string]int{"": 0, "none": 0, "read": 1, "write": 2, "admin": 3}

func enough(has, needed string) bool { return levels[has] >= levels[needed] }

func orNone(access string) string {
	if access == "" {
		return "none"
	}
	return access
}

func deliveries(f Facts) []Verdict {
	return connected(f, f.Deliveries, func(d Deliveries) []Verdict {
		switch {
		case d.Error != "":
			return unchecked(f.GitHub, "%s", d.Error)
		case d.Hook == "":
			return ok(f.GitHub, "the App has no webhook: the daemon polls")
		case d.Count == 0:
			return ok(d.Hook, "GitHub has sent nothing lately")
		case len(d.Failed) == 0:
			return ok(d.Hook, "all of the last %d", d.Count)
		}
		last := d.Failed[0]
		v := Verdict{
			Warning, d.Hook, fmt.Sprintf("%d of the last %d did not, such as %q at %s: %s", len(d.Failed), d.Count, last.Event, last.At.UTC().Format(time.RFC3339), last.Status), hookHint(last.Code),
		}
		if len(d.Failed) == d.Count && d.Count >= failing {
			v.Result = Fails
		}
		return []Verdict{v}
	})
}

// hookHint says what an answer to a delivery says.
func hookHint(code int) string {
	switch code {
	case 401, 403:
		return "the secret of the webhook is not that of serve.hookSecretFile: set both to the same"
	case 404:
		return "the address has to end in /hooks/github, and lead to the daemon"
	case 0:
		return "GitHub cannot reach the address: let POST /hooks/github through; the daemon polls meanwhile"
	case 503:
		return "the daemon was busy, or another replica works on pull requests: it finds out by itself"
	}
	return "see the delivery on the App's page, Advanced, and the log of the daemon"
}

func rate(f Facts) []Verdict {
	return connected(f, f.Access, func(a Access) []Verdict {
		switch {
		case a.Error != "":
			return unchecked(f.GitHub, "GitHub does not take the credentials")
		case a.Limit <= 0:
			return ok(f.GitHub, "there is no limit")
		case a.Remaining == 0:
			return []Verdict{{Fails, f.GitHub, fmt.Sprintf("all %d requests of this hour are used up, until %s", a.Limit, clock(a.Reset)), "see who else uses the App or token; the daemon waits until then"}}
		case float64(a.Limit-a.Remaining) > spent*float64(a.Limit):
			return []Verdict{{Warning, f.GitHub, fmt.Sprintf("%d of %d requests are left until %s", a.Remaining, a.Limit, clock(a.Reset)), "see who else uses the App or token"}}
		}
		return ok(f.GitHub, "%d of %d until %s", a.Remaining, a.Limit, clock(a.Reset))
	})
}

func clock(t time.Time) string { return t.UTC().Format("15:04 UTC") }
