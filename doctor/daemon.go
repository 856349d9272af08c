// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"fmt"
	"time"

	"github.com/Masterminds/semver/v3"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/reconciler/status"
)

// fetchedLate is how long ago the repository may have been read, unless it is read more rarely.
const fetchedLate = 5 * time.Minute

func daemonChecks() []Check {
	return []Check{
		{"daemon-reachable", Daemon, "the daemon answers", reachable},
		{"daemon-version", Daemon, "it is of the version of this program", version},
		{"daemon-ready", Daemon, "it keeps the clusters", ready},
		{"daemon-fetch", Daemon, "it reads the repository", fetched},
		{"daemon-head", Daemon, "it accepts the newest commit", head},
		{"daemon-configuration", Daemon, "its configuration is in use", inUse},
		{"daemon-replicas", Daemon, "its replicas agree", replicas},
		{"daemon-images", Daemon, "it can look for newer images", images},
		{"daemon-stores", Daemon, "it can list the stores of lots", stores},
		{"daemon-releases", Daemon, "no release needs attention", releases},
	}
}

// running judges a daemon that answers.
func running(f Facts, by func(Running) []Verdict) []Verdict {
	return judge(f.Daemon, "", func(r Running) []Verdict {
		if r.Error != "" {
			return unchecked("", "the daemon does not answer")
		}
		return by(r)
	})
}

func reachable(f Facts) []Verdict {
	return must(f.Daemon, f.Server, "see whether it runs, and what is between here and there", func(r Running) []Verdict {
		switch {
		case r.Absent && !f.Named:
			return unchecked(f.Server, "nothing listens there; --server names the address of a daemon")
		case r.Error != "":
			return []Verdict{{Fails, f.Server, r.Error, cmp.Or(r.Hint, "see whether it runs, and whether --server is right")}}
		}
		return ok(f.Server, "it answers")
	})
}

func version(f Facts) []Verdict {
	return running(f, func(r Running) []Verdict {
		here, wrongHere := semver.NewVersion(f.Version)
		there, wrongThere := semver.NewVersion(r.Version)
		switch {
		case r.Version == "":
			return []Verdict{{Warning, "", "it does not say its version: it is older than this program, " + f.Version, "upgrade the daemon; docs/upgrade.md says how"}}
		case r.Version == f.Version:
			return ok("", "%s, as this program", r.Version)
		case wrongHere != nil || wrongThere != nil:
			return unchecked("", "it is %s and this program %s, which cannot be compared: one was not built of a commit", r.Version, f.Version)
		case here.Major() != there.Major() || here.Minor() != there.Minor():
			return []Verdict{{
				Warning, "", fmt.Sprintf("it is %s, and this program is %s: what this program says of a commit need not be what the daemon does", r.Version, f.Version),
				"use the program of the daemon's version, or upgrade the daemon; docs/upgrade.md says how",
			}}
		}
		return ok("", "%s; this program is %s", r.Version, f.Version)
	})
}

func ready(f Facts) []Verdict {
	return running(f, func(r Running) []Verdict {
		if r.Ready != "" {
			return []Verdict{{Fails, "", r.Ready, `nothing is kept until a commit is accepted; "trunkline status" says what is in the way`}}
		}
		return ok("", "it keeps them at %s", r.State.Source.Accepted.Short())
	})
}

func fetched(f Facts) []Verdict {
	return running(f, func(r Running) []Verdict {
		s := r.State.Source
		old := f.Now.Sub(r.Fetched)
		switch {
		case s.Error != "":
			return []Verdict{{Fails, s.URL, s.Error, "correct the address or the credentials; what runs is left as it is until then"}}
		case r.Fetched.IsZero():
			return unchecked(s.URL, "it does not say when it read the repository last")
		case old > max(fetchedLate, 3*r.Poll):
			return []Verdict{{Warning, s.URL, fmt.Sprintf("it was read %s ago for the last time, and is to be every %s", old.Round(time.Second), r.Poll), "see the log of the daemon: it may hang, or its clock may be wrong"}}
		}
		return ok(s.URL, "read %s ago", max(old, 0).Round(time.Second))
	})
}

func head(f Facts) []Verdict {
	return running(f, func(r Running) []Verdict {
		s := r.State.Source
		switch {
		case s.Refused():
			var why []string
			for _, p := range s.Problems {
				if p.Severity == v1alpha1.Deny {
					why = append(why, p.Message)
				}
			}
			return []Verdict{{Fails, s.Head.Short(), "it is refused: " + some(why, shown, "; "), `fix it with another commit, or revert it; "trunkline status" has all of it`}}
		case s.Head == nil:
			return unchecked("", "it has seen no commit yet")
		case s.Notice != "":
			return []Verdict{{Warning, s.Head.Short(), s.Notice, "see whether that was meant"}}
		}
		return ok(s.Head.Short(), "accepted")
	})
}

func inUse(f Facts) []Verdict {
	return running(f, func(r Running) []Verdict {
		if said := r.State.Source.Configuration; said != "" {
			return []Verdict{{Warning, "", said, "correct the file, or start the daemon again for what it says needs that; the configuration before is in use"}}
		}
		return ok("", "as the file says")
	})
}

func replicas(f Facts) []Verdict {
	return running(f, func(r Running) []Verdict {
		replica := r.State.Replica
		switch {
		case replica == nil:
			return ok("", "there is one daemon, and no replica")
		case replica.Message != "":
			return []Verdict{{Warning, replica.Name, replica.Message, "see its home cluster, and the Leases in trunkline-system there"}}
		case replica.Name == "":
			return []Verdict{{Warning, "", "it is not one of the replicas yet", "wait for half a minute; then see its rights on Leases in trunkline-system of its home cluster"}}
		case replica.Leader == "" && !replica.Sharing:
			return []Verdict{{Fails, replica.Name, "no replica leads", "see whether the replicas reach their home cluster, and may write Leases in trunkline-system there"}}
		case replica.Sharing:
			return ok(replica.Name, "it shares the releases with other replicas")
		}
		return ok(replica.Name, "%s leads", replica.Leader)
	})
}

func images(f Facts) []Verdict {
	return running(f, func(r Running) []Verdict {
		if said := r.State.Source.Images; said != "" {
			return []Verdict{{Warning, "", said, "allow the registry, or correct its credentials or the repository's name"}}
		}
		return ok("", "nothing is in its way")
	})
}

func stores(f Facts) []Verdict {
	return running(f, func(r Running) []Verdict {
		var out []Verdict
		kept := 0
		for _, release := range r.State.Releases {
			if release.Lots == nil {
				continue
			}
			if kept++; release.Lots.Unlisted > 0 {
				out = append(out, Verdict{
					Fails, release.String(), "the stores of " + number.Count(release.Lots.Unlisted, "dataset") + " cannot be listed: which of their lots there are is not known",
					`see the log of the daemon for the bucket and the error; "trunkline lots" shows the datasets`,
				})
			}
		}
		switch {
		case len(out) > 0:
			return out
		case kept == 0:
			return ok("", "no lots are kept")
		}
		return ok("", "those of %s were listed", number.Count(kept, "release"))
	})
}

func releases(f Facts) []Verdict {
	return running(f, func(r Running) []Verdict {
		var names []string
		for _, release := range r.State.Releases {
			if !release.Fine() && release.Result != status.Elsewhere {
				names = append(names, release.String())
			}
		}
		if len(names) > 0 {
			return []Verdict{{Warning, "", fmt.Sprintf("%d of %s: %s", len(names), number.Count(len(r.State.Releases), "release"), some(names, shown, ", ")), `"trunkline status" says why of each`}}
		}
		return ok("", "%s %s fine", number.Count(len(r.State.Releases), "release"), isAre(len(r.State.Releases)))
	})
}
