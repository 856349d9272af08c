// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"fmt"

	"trunkline.dev/trunkline/api/number"
)

// shown is how many of many things are named.
const shown = 3

func repositoryChecks() []Check {
	return []Check{
		{"repository-found", Repository, "the folder is in a Git repository", repositoryFound},
		{"repository-platform", Repository, "it declares a platform", platformFound},
		{"repository-declarations", Repository, "its declarations have no problems", declarations},
		{"repository-remote", Repository, "the branch that is followed can be read", remote},
		{"repository-sources", Repository, "the repositories that the platform includes can be read, and are signed by those who may", sources},
		{"repository-signed", Repository, "the commit is signed by those who may", signed},
		{"repository-rewrite", Repository, "the branch is not rewritten where that is refused", rewrite},
		{"repository-secrets", Repository, "encrypted Secrets can be decrypted", sealed},
		{"repository-artifacts", Repository, "blueprints of registries are locked, and can be had", artifacts},
	}
}

func repositoryFound(f Facts) []Verdict {
	return judge(f.Place, "", func(p Place) []Verdict {
		switch {
		case p.Root == "":
			return unchecked(p.Folder, "it is in no Git repository; --from FOLDER names another folder")
		case p.Head == "":
			return []Verdict{{Warning, p.Root, "it has no commit yet, and the daemon reads commits", "commit what there is, and push it"}}
		}
		return ok(p.Root, "commit %s", short(p.Head))
	})
}

func platformFound(f Facts) []Verdict {
	return judge(f.Platform, "", func(p Platform) []Verdict {
		switch {
		case p.Name != "":
			return ok("", "platform %q with %s", p.Name, number.Count(p.Projects, "project"))
		case len(p.Elsewhere) > 0:
			return []Verdict{{Warning, "", "this folder declares none; one is in " + some(p.Elsewhere, shown, ", "), "name it: --from " + quoted(p.Elsewhere[0])}}
		}
		return unchecked("", `this folder declares none; "trunkline new" makes one`)
	})
}

func declarations(f Facts) []Verdict {
	return judge(f.Platform, "", func(p Platform) []Verdict {
		switch {
		case p.Name == "" && p.Errors == 0:
			return unchecked("", "there is no platform")
		case p.Errors > 0:
			return []Verdict{{Fails, "", number.Count(p.Errors, "error") + ": " + some(p.Found, shown, "; "), `"trunkline validate" shows all, and how to fix each; until then the commit is refused`}}
		case p.Warnings > 0:
			return []Verdict{{Warning, "", number.Count(p.Warnings, "warning") + ": " + some(p.Found, shown, "; "), `"trunkline validate" shows all`}}
		}
		return ok("", "no problems")
	})
}

func remote(f Facts) []Verdict {
	return must(f.Remote, "", "find out what is between here and the server: a proxy, a firewall, its name", func(r Remote) []Verdict {
		if r.Error != "" {
			return []Verdict{{Fails, r.URL, r.Error, cmp.Or(r.Hint, "correct the address, the branch or the credentials")}}
		}
		if f.Place.Value != nil && f.Place.Value.Head != "" && f.Place.Value.Head != r.Commit {
			return ok(r.URL, "branch %s is at %s, and this folder at %s", r.Branch, short(r.Commit), short(f.Place.Value.Head))
		}
		return ok(r.URL, "branch %s is at %s", r.Branch, short(r.Commit))
	})
}

func sources(f Facts) []Verdict {
	return judge(f.Sources, "", func(all []Source) []Verdict {
		if len(all) == 0 {
			return ok("", "the platform includes none")
		}
		return each(all, "", func(s Source) []Verdict {
			where := s.Name + " (" + s.URL + ")"
			switch {
			case s.Unread != "":
				return unchecked(where, "%s", s.Unread)
			case s.Error != "":
				return []Verdict{{Fails, where, s.Error, cmp.Or(s.Hint, "correct the address, what is followed of it or the credentials; until then it stays as it was accepted last")}}
			case s.Signed.Refused != "":
				return []Verdict{{Fails, where, s.Line + " is at " + short(s.Commit) + ": " + s.Signed.Refused, "have it signed by one of " + s.Signed.Who}}
			case s.Signed.Wanted:
				return ok(where, "%s is at %s, signed by %s", s.Line, short(s.Commit), s.Signed.By)
			}
			return ok(where, "%s is at %s; nobody need sign", s.Line, short(s.Commit))
		})
	})
}

func signed(f Facts) []Verdict {
	return judge(f.Signed, "", func(s Signed) []Verdict {
		switch {
		case !s.Wanted:
			return ok("", "nobody need sign")
		case s.Refused != "":
			return []Verdict{{Fails, short(s.Commit), s.Refused, "have it signed by one of " + s.Who + `; "trunkline verify" tries it`}}
		}
		return ok(short(s.Commit), "signed by %s", s.By)
	})
}

func rewrite(f Facts) []Verdict {
	return judge(f.Rewrite, "", func(r Rewrite) []Verdict {
		switch {
		case !r.Wanted:
			return ok("", "rewrites are accepted")
		case r.Behind:
			return []Verdict{{
				Fails, short(r.Head), "it does not come after " + short(r.Accepted) + ", which the daemon has accepted: pushed as the branch, it is refused",
				fmt.Sprintf("rebase it onto %s, or have whoever runs the daemon accept it: --accept-rewrite %s..%s", short(r.Accepted), r.Accepted, r.Head),
			}}
		}
		return ok(short(r.Head), "it comes after %s, which the daemon has accepted", short(r.Accepted))
	})
}

func sealed(f Facts) []Verdict {
	return judge(f.Sealed, "", func(s Sealed) []Verdict {
		switch {
		case s.Count == 0:
			return ok("", "there is none that SOPS has encrypted")
		case s.Keys == 0:
			return unchecked("", "%s %s encrypted, and no key was named: --config FILE of the daemon, or --sops-age-key-file FILE", number.Count(s.Count, "Secret"), isAre(s.Count))
		}
		out := make([]Verdict, 0, len(s.Failed)+1)
		for _, failed := range s.Failed {
			out = append(out, Verdict{Fails, failed.File, failed.Release + ": " + failed.Error, "encrypt it for a key that the daemon has, or give the daemon the key"})
		}
		if good := s.Count - len(s.Failed); good > 0 {
			out = append(out, ok("", "%s can be decrypted", number.Count(good, "Secret"))...)
		}
		return out
	})
}

func artifacts(f Facts) []Verdict {
	return judge(f.Artifacts, "", func(all []Artifact) []Verdict {
		if len(all) == 0 {
			return ok("", "no blueprint is fetched")
		}
		return each(all, "", func(a Artifact) []Verdict {
			where := a.Blueprint + " (" + a.Source + ")"
			switch {
			case a.Locked == "":
				return []Verdict{{Fails, where, "it is not resolved to a digest, and is refused", "trunkline lock " + quoted(a.Blueprint)}}
			case a.Error != "":
				return []Verdict{{Fails, where, a.Error, "see that the registry has it, and that the credentials and the allowed hosts are right"}}
			}
			return ok(where, "it is there, at %s", a.Locked)
		})
	})
}
