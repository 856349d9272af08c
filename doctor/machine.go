// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/number"
)

const (
	// clockWarns and clockFails are by how much clocks may differ. GitHub refuses what an App signs a minute ahead, and the tokens of clouds
	// and Leases of replicas count in seconds.
	clockWarns = 5 * time.Second
	clockFails = time.Minute
	// expiresSoon is how long before its end a certificate is told of.
	expiresSoon = 7 * 24 * time.Hour
	// forOthers and writableByOthers are bits of a file's mode.
	forOthers        fs.FileMode = 0o007
	writableByOthers fs.FileMode = 0o022
)

func machineChecks() []Check {
	return []Check{
		{"machine-configuration", Machine, "the configuration of the daemon can be used", configuration},
		{"machine-git", Machine, "Git is there where a repository is read with it", gitProgram},
		{"machine-folders", Machine, "what has to be kept can be written", folders},
		{"machine-secrets", Machine, "files with secrets are for nobody else", secretFiles},
		{"machine-kubeconfig", Machine, "kubeconfigs lead to a cluster", kubeconfigs},
		{"machine-clock", Machine, "the clock is right", clocks},
	}
}

func configuration(f Facts) []Verdict {
	c := f.Configuration
	if c.File == "" {
		return unchecked("", "no configuration of a daemon was named: --config FILE")
	}
	if len(c.Problems) == 0 {
		return ok(c.File, "it can be used")
	}
	return each(c.Problems, "", func(problem string) []Verdict {
		found, hint, _ := strings.Cut(problem, "\n    hint: ")
		do := `correct the file; "trunkline explain daemonConfiguration" describes it`
		if hint != "" {
			do = hint + `: "trunkline explain daemonConfiguration" describes the file`
		}
		if place, what, ok := strings.Cut(found, ": "); ok && strings.HasPrefix(place+":", c.File+":") {
			return []Verdict{{Fails, place, what, do}}
		}
		return []Verdict{{Fails, c.File, found, do}}
	})
}

// gitVersion is how Git says which version it is.
var gitVersion = regexp.MustCompile(`\b(\d+)\.(\d+)(\.\d+)*`)

func gitProgram(f Facts) []Verdict {
	return judge(f.Git, "", func(g Git) []Verdict {
		found := gitVersion.FindStringSubmatch(g.Version)
		switch {
		case g.Path == "" && g.Needed == "":
			return ok("", "there is none, and none is needed: repositories are read by https and ssh without it")
		case g.Path == "":
			return []Verdict{{Fails, "", "there is none, and the repository " + g.Needed + " is a folder, which is read with it", "install Git, or name the repository by https or ssh"}}
		case found == nil:
			return []Verdict{{Warning, g.Path, fmt.Sprintf("it does not say which version it is, but %q", g.Version), "make sure that this is Git 2.5 or later"}}
		}
		major, _ := strconv.Atoi(found[1])
		minor, _ := strconv.Atoi(found[2])
		if major < 2 || major == 2 && minor < 5 {
			return []Verdict{{Fails, g.Path, "it is " + found[0] + ", which cannot serve a single commit", "install Git 2.5 or later"}}
		}
		return ok(g.Path, "version %s", found[0])
	})
}

func folders(f Facts) []Verdict {
	return each(f.Folders, "no folder is needed", func(d Folder) []Verdict {
		switch {
		case d.Error != "":
			return []Verdict{{Fails, d.Path, "cannot be written, for " + d.For + ": " + d.Error, "give this user the right to write there, or name another folder"}}
		case d.Private && d.Mode&writableByOthers != 0:
			return []Verdict{{
				Fails, d.Path, fmt.Sprintf("others may write there (mode %04o), and what is in it is deployed", d.Mode.Perm()), "chmod go-w " + quoted(d.Path) + ", and see that nobody has changed it",
			}}
		}
		return ok(d.Path, "can be written, for %s", d.For)
	})
}

func secretFiles(f Facts) []Verdict {
	var out []Verdict
	good := 0
	for _, s := range f.Secrets {
		switch {
		case s.Error != "":
			out = append(out, Verdict{Fails, s.Path, "cannot be read, for " + s.For + ": " + s.Error, "correct its name, or give this user the right to read it"})
		case s.Mode&writableByOthers&forOthers != 0:
			out = append(out, Verdict{Fails, s.Path, fmt.Sprintf("anyone may change it (mode %04o): %s", s.Mode.Perm(), s.For), "chmod 600 " + quoted(s.Path) + ", and make another secret"})
		case s.Mode&forOthers != 0:
			out = append(out, Verdict{Warning, s.Path, fmt.Sprintf("anyone on this machine may read it (mode %04o): %s", s.Mode.Perm(), s.For), "chmod 600 " + quoted(s.Path)})
		default:
			good++
		}
	}
	switch {
	case len(f.Secrets) == 0:
		return unchecked("", "there is no file with a secret that is known of")
	case good > 0:
		out = append(out, ok("", "%s with secrets %s only for those who need them", number.Count(good, "file"), isAre(good))...)
	}
	return out
}

func kubeconfigs(f Facts) []Verdict {
	return each(f.Kubeconfigs, "no cluster is reached by a kubeconfig: --cluster NAME=KUBECONFIG, or --config FILE", func(k Kubeconfig) []Verdict {
		where := k.Cluster + " (" + k.Path
		if k.Context != "" {
			where += "#" + k.Context
		}
		where += ")"
		left := k.Expires.Sub(f.Now)
		switch {
		case k.Error != "":
			return []Verdict{{Fails, where, k.Error, "correct the kubeconfig, or what names it"}}
		case k.Exec != "" && !k.ExecAllows:
			return []Verdict{{
				Fails, where, fmt.Sprintf("its credentials come from a program (%q), which is not run unless that is allowed", k.Exec),
				"use a kubeconfig with a token or a certificate, the identity of the cloud, or allow it: --allow-exec-credentials",
			}}
		case k.Exec != "" && !k.ExecFound:
			return []Verdict{{Fails, where, fmt.Sprintf("its credentials come from the program %q, which is not on this machine", k.Exec), "install it where the daemon runs"}}
		case !k.Expires.IsZero() && left <= 0:
			return []Verdict{{Fails, where, "its certificate has expired on " + day(k.Expires), "have another one made"}}
		case !k.Expires.IsZero() && left < expiresSoon:
			return []Verdict{{Warning, where, "its certificate expires on " + day(k.Expires), "have another one made until then"}}
		}
		return ok(where, "it can be used")
	})
}

func clocks(f Facts) []Verdict {
	return each(f.Clocks, "nobody answered who says what time it is", func(c Clock) []Verdict {
		off, side := c.Ahead, "behind"
		if off < 0 {
			off, side = -off, "ahead of"
		}
		certain := max(off-c.Uncertain, 0)
		do := "have both synchronised (NTP): tokens and Leases are good for seconds to minutes"
		said := fmt.Sprintf("this machine is %s %s it", off.Round(time.Second), side)
		switch {
		case certain >= clockFails:
			return []Verdict{{Fails, c.Of, said, do}}
		case certain >= clockWarns:
			return []Verdict{{Warning, c.Of, said, do}}
		}
		return ok(c.Of, "the same time as here")
	})
}
