// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/compose"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/reconciler/status"
)

// several is a platform that includes a repository, "billing", each with a forge of its own.
type several struct {
	t        *testing.T
	own, src *world
	clusters *clusters
}

// including is the platform, which says what the source may.
func including(rules string) files {
	return previewed(rules).with(files{"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\nspec:\n  sources: [{name: billing, url: 'https://github.com/acme/billing', owners: [team-billing], environments: [dev]}]\n"})
}

// billing is what the source has.
func billing(image, owner string) files {
	return files{
		"app/app.yaml": head + "kind: Project\nmetadata: {name: billing}\nspec:\n  owner: " + owner + "\n  environments: [dev]\n  workloads:\n    - {name: bill, blueprint: container-job, image: " + image + ", command: [run], reads: {in: orders/raw@1}}\n",
		"README.md":    "billing\n",
	}
}

func newSeveral(t *testing.T, platform files) *several {
	s := &several{t: t, own: newWorld(t, previewed("")), src: newWorld(t, previewed(""))}
	s.clusters = newClusters(s.own)
	s.src.board = s.own.board
	s.src.tip, s.src.parents = "", map[string]string{}
	s.src.push(billing("img", "team-billing"))
	s.own.push(platform)
	s.own.teams["bob"], s.own.permissions["bob"] = []string{"team-billing"}, Read
	// Who administers the source, and who has the name of its owner and may write to it.
	s.src.permissions = map[string]Permission{"bob": Write, "sally": Admin, "team-billing": Write}
	s.accept()
	return s
}

// joined is what a state joins, as the daemon does.
func (s *several) joined(at compose.State) files {
	out := maps.Clone(s.own.commits[at[""]])
	if strings.Contains(out["trunkline.yaml"], "billing") {
		for name, text := range s.src.commits[at["billing"]] {
			out["sources/billing/"+name] = text
		}
	}
	return out
}

// accept has the tips of both accepted.
func (s *several) accept() {
	s.t.Helper()
	at := compose.State{"": s.own.tip, "billing": s.src.tip}
	e, err := evaluate.Head(s.t.Context(), evaluate.Input{Tree: s.joined(at).tree(), Library: blueprints.FS, Renderer: renderer{}, Now: time.Now()})
	if err != nil || e.Denied() {
		s.t.Fatalf("the trunk is refused: %v %v", err, e.Problems())
	}
	for _, w := range []*world{s.own, s.src} {
		w.set(func() { w.accepted, w.runs = w.tip, e })
	}
	s.own.board.SetSource(func(src *status.Source) { src.Accepted = &status.Commit{Hash: "joint", Parts: s.parts()} })
}

func (s *several) parts() string { return s.own.accepted + " billing=" + s.src.accepted }

// state is what is accepted.
func (s *several) state() compose.State {
	return compose.State{"": s.own.accepted, "billing": s.src.accepted}
}

// beside is the repository of one, joined with the other.
type beside struct {
	repository

	s      *several
	source string
}

func (b beside) tree(sha string, at compose.State) fstest.MapFS {
	at = maps.Clone(at)
	at[b.source] = sha
	return b.s.joined(at).tree().(fstest.MapFS)
}

func (b beside) Merge(ctx context.Context, p Pull, base string) (Merge, error) {
	m, err := b.repository.Merge(ctx, p, base)
	if err != nil || m.Tree == nil {
		return m, err
	}
	m.Tree = b.tree(p.Head.SHA, b.s.state())
	return m, nil
}

func (b beside) Commit(ctx context.Context, sha, ref string, at compose.State) (Commit, error) {
	c, err := b.repository.Commit(ctx, sha, ref, at)
	if at == nil {
		at = b.s.state()
	}
	c.Tree = b.tree(sha, at)
	return c, err
}

func (b beside) Path(file string) string {
	rest, of := strings.CutPrefix(file, "sources/billing/")
	if of != (b.source != "") {
		return ""
	}
	return rest
}

func (s *several) options(w *world, source string) Options {
	return Options{
		Source: source, Forge: w, Repository: beside{repository{w}, s, source}, Trunk: trunk{w}, Board: s.own.board, Hand: s.own, Live: w,
		Library: blueprints.FS, Renderer: renderer{}, Now: time.Now, Joint: s.state, Previews: s.clusters, Data: remover{s.clusters},
	}
}

// engine works on both.
func (s *several) engine() *Engine {
	source := s.options(s.src, "billing")
	source.Rights = s.own
	return New(s.options(s.own, ""), source)
}

// TestSourcePulls: a pull request of a source is judged with what is accepted of the platform and by its rules and people, and told where it is.
func TestSourcePulls(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, author string
		head           files
		approved       string
		want           CheckState
		says           string
	}{
		"Fine":      {"An owner's change does what it says.", "bob", billing("img2", "team-billing"), "", Success, "this merge changes 1 release"},
		"Untouched": {"What changes nothing of the platform is not judged.", "bob", billing("img", "team-billing").with(files{"README.md": "more"}), "", Neutral, ""},
		"NotOwner":  {"Who administers the source owns nothing by that.", "sally", billing("img2", "team-billing"), "", Failure, "none of its owners made or approved the change"},
		"Approved":  {"An owner approves it.", "sally", billing("img2", "team-billing"), "bob", Success, ""},
		"Namesake":  {"A name of a team is no login, also not of who may write to the source.", "team-billing", billing("img2", "team-billing"), "", Failure, "who may not write to the platform's own repository"},
		"Everybody": {"Whom the platform's CODEOWNERS name owns it, too.", "petra", billing("img2", "team-billing"), "", Success, ""},
		"Owner":     {"The platform says whose projects it may declare.", "bob", billing("img", "team-orders"), "", Failure, "may not declare projects of"},
		"Kind":      {"And which kinds.", "bob", billing("img", "team-billing").with(files{"env.yaml": head + "kind: Environment\nmetadata: {name: mine}\nspec: {clusters: [one]}\n"}), "", Failure, "Environment"},
		"Where":     {"And where they are.", "bob", billing("img", "team-billing").with(files{"app/app.yaml": strings.Replace(billing("img", "team-billing")["app/app.yaml"], "[dev]", "[dev, prod]", 1)}), "", Failure, "prod"},
		"Reads":     {"It reads what the platform has.", "bob", billing("img", "team-billing").with(files{"app/app.yaml": strings.Replace(billing("img", "team-billing")["app/app.yaml"], "orders/raw@1", "orders/gone@1", 1)}), "", Failure, "orders/gone"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSeveral(t, including(""))
				p := s.src.pull(1, tc.author, tc.head)
				if tc.approved != "" {
					s.src.approvals[1] = []string{tc.approved}
				}
				s.own.during(s.engine(), func() {})
				if got := s.src.verdictOn(p.Head.SHA); got != tc.want {
					t.Errorf("%s The check is %q", tc.reason, got)
				}
				var said strings.Builder
				for _, c := range s.src.comments {
					said.WriteString(c.Body)
				}
				for _, c := range s.src.checks {
					for _, a := range c.Annotations {
						if strings.HasPrefix(a.Path, "sources/") {
							t.Errorf("%s An annotation is at %q, which is no path of the repository", tc.reason, a.Path)
						}
					}
				}
				if !strings.Contains(said.String(), tc.says) {
					t.Errorf("%s It is to say %q:\n%s", tc.reason, tc.says, said.String())
				}
				if len(s.own.checks)+len(s.own.comments) > 0 {
					t.Errorf("%s The platform's own repository was told: %v %v", tc.reason, s.own.checks, s.own.comments)
				}
			})
		})
	}
}

// TestSourceActs: what is held is approved in a pull request of a source by whom the platform names, and by nobody for what they are elsewhere.
func TestSourceActs(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, author, command string
		held                    catalog.ReleaseID
		acts                    int
		says                    string
	}{
		"Owner":       {"An owner may.", "bob", "approve dev CODE", billingDev, 1, "go on"},
		"OwnerOther":  {"For what is theirs.", "bob", "approve dev CODE", ordersDev, 0, "you may not"},
		"SourceAdmin": {"Who administers the source may not.", "sally", "approve dev CODE", billingDev, 0, "you may not"},
		"Namesake":    {"Nor who is called as an owner.", "team-billing", "approve dev CODE", billingDev, 0, "you may not"},
		"Admin":       {"Who administers the platform may.", "petra", "approve dev CODE", ordersDev, 1, "go on"},
		"Rollback":    {"What another repository declares is changed there.", "petra", "rollback orders --in dev", ordersDev, 0, "is declared by the platform's own repository"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSeveral(t, including(""))
				s.src.pull(1, "bob", billing("img2", "team-billing"))
				s.own.waits(tc.held, "", "held")
				_, digest := status.ToApprove(s.own.board.Snapshot().Releases, "dev")
				e := s.engine()
				s.own.during(e, func() {
					s.src.say(1, tc.author, "/trunkline "+strings.ReplaceAll(tc.command, "CODE", digest[:codeLength]))
					s.own.take(e.Of("billing"), Hint{Pull: 1, Comment: true})
				})
				if len(s.own.acts) != tc.acts || !strings.Contains(s.src.lastReply(), tc.says) {
					t.Errorf("%s Done: %q; the reply:\n%s", tc.reason, s.own.acts, s.src.lastReply())
				}
			})
		})
	}
}

var billingDev = catalog.ReleaseID{Project: "billing", Environment: "dev", Cluster: "one"}

// TestSourcePreviews: pull requests of the same number in two repositories have a preview each, within one limit, and each goes with its own.
func TestSourcePreviews(t *testing.T) {
	for limit, want := range map[int][]string{2: {"pr-1", "pr-billing-1"}, 1: {"pr-1"}} {
		synctest.Test(t, func(t *testing.T) {
			base := including(fmt.Sprintf("limit: %d", limit))
			s := newSeveral(t, base)
			s.own.pull(1, "olga", base.image("img2"))
			s.src.pull(1, "bob", billing("img2", "team-billing"))
			names := func() (out []string) {
				for _, n := range s.clusters.names() {
					out = append(out, strings.Fields(n)[0])
				}
				return out
			}
			s.own.during(s.engine(), func() {
				time.Sleep(time.Minute)
				if got := names(); len(got) != limit || limit == 2 && cmp.Diff(want, got) != "" {
					t.Fatalf("there are %q, want %q\n%s\n%s", got, want, s.own.line(1), s.src.line(1))
				}
				s.own.change(1, func(p *Pull) { p.State, p.Closed = Closed, time.Now() })
				time.Sleep(10 * time.Minute)
				if diff := cmp.Diff([]string{"pr-billing-1"}, names()); diff != "" {
					t.Errorf("with the platform's closed (-want +got):\n%s\n%s", diff, s.src.line(1))
				}
				if got := s.src.deployment("pr-billing-1"); !strings.HasSuffix(got, " success") {
					t.Errorf("the source's deployment is %q", got)
				}
			})
			// Without anybody who works on the source's pull requests, it goes.
			s.own.during(New(s.options(s.own, "")), func() { time.Sleep(time.Minute) })
			if got := names(); len(got) > 0 {
				t.Errorf("there still are %q", got)
			}
		})
	}
}

// TestWayBackOfSeveral: what several repositories brought was reviewed if there is an order in which each step did what it showed.
func TestWayBackOfSeveral(t *testing.T) {
	at := func(own, source string) compose.State { return compose.State{"": own, "billing": source} }
	step := func(before, was, is string, reviewed bool) merge {
		return merge{commit: "c", before: before, pull: 7, shown: true, changed: map[catalog.ReleaseID]bool{billingDev: reviewed}, was: map[catalog.ReleaseID]string{billingDev: was}, is: map[catalog.ReleaseID]string{billingDev: is}}
	}
	const moved = "#7 showed something else, since the branch moved before it was merged"
	type steps map[string]merge // by the source and the state that it led to
	for name, tc := range map[string]struct {
		reason  string
		steps   steps
		digests map[string]string
		nobody  bool
		next    compose.State
		want    string
	}{
		"Source":   {"A step of the source alone.", steps{"billing p1 b2": step("b1", "1", "2", true)}, nil, false, at("p1", "b2"), ""},
		"Not":      {"It did not show that.", steps{"billing p1 b2": step("b1", "1", "2", false)}, nil, false, at("p1", "b2"), moved},
		"Beside":   {"What changes nothing of it is no step.", steps{"billing p1 b2": step("b1", "1", "2", true)}, map[string]string{"p1 b2": "2"}, false, at("p2", "b2"), ""},
		"Platform": {"The platform's may come after the source's.", steps{"billing p2 b2": step("b1", "?", "2", false), " p2 b2": step("p1", "1b", "2", true), "billing p1 b2": step("b1", "1", "1b", true)}, map[string]string{"p1 b2": "1b"}, false, at("p2", "b2"), ""},
		"Other":    {"Or before.", steps{"billing p2 b2": step("b1", "1p", "2", true), " p2 b1": step("p1", "1", "1p", true)}, map[string]string{"p1 b2": "?"}, false, at("p2", "b2"), ""},
		"Neither":  {"No order will do.", steps{"billing p2 b2": step("b1", "1p", "2", true), " p2 b1": step("p1", "1", "1p", false), " p2 b2": step("p1", "x", "2", false)}, map[string]string{"p1 b2": "x"}, false, at("p2", "b2"), moved},
		"Nobody":   {"Nobody works on the pull requests of the source.", nil, nil, true, at("p1", "b2"), `what changes it came from the source "billing", on whose pull requests nobody works here`},
	} {
		t.Run(name, func(t *testing.T) {
			w := wayBack{
				id: billingDev, own: "billing", to: state{at("p1", "b1"), "1"},
				mergeAt: func(_ context.Context, source string, at compose.State) (merge, bool, error) {
					key := source + " " + at[""] + " " + at["billing"]
					m, ok := tc.steps[key]
					if !ok && !tc.nobody {
						t.Fatalf("%s It asks for the step %q", tc.reason, key)
					}
					return m, !tc.nobody, nil
				},
				digestAt: func(_ context.Context, at compose.State) (string, error) {
					return tc.digests[at[""]+" "+at["billing"]], nil
				},
			}
			got, err := w.why(t.Context(), state{tc.next, "2"})
			if err != nil || got != tc.want {
				t.Errorf("%s It was not reviewed: %q, %v; want %q", tc.reason, got, err, tc.want)
			}
		})
	}
}

// TestSourceReviewed: what a pull request of a source showed is reviewed when it is merged, and nothing else is.
func TestSourceReviewed(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		merge  func(s *several)
		want   string
	}{
		"Shown":  {"It showed just this.", func(s *several) { s.src.merge(1) }, ""},
		"Pushed": {"Nobody showed it.", func(s *several) { s.src.push(billing("img2", "team-billing")) }, "was not brought by a pull request"},
		"Beside": {"The platform goes on beside it.", func(s *several) {
			s.own.push(including("").with(files{"README.md": "more"}))
			s.src.merge(1)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSeveral(t, including(""))
				before := s.state()
				s.src.pull(1, "bob", billing("img2", "team-billing"))
				e := s.engine()
				s.own.during(e, func() {})
				was, _ := s.own.runs.Rendered(billingDev)
				tc.merge(s)
				s.accept()
				is, _ := s.own.runs.Rendered(billingDev)
				s.own.board.SetRelease(billingDev, func(r *status.Release) {
					r.Source, r.Commit, r.Parts = "billing", "before", before[""]+" billing="+before["billing"]
					r.Held = &status.Held{Commit: "joint", Parts: s.parts(), Digest: is.Objects.Digest(), Rule: string(gate.Unreviewed)}
				})
				if was.Objects.Digest() == is.Objects.Digest() {
					t.Fatal("nothing changes")
				}
				s.own.reviewing(s.engine())
				if len(s.own.reviewed) != 1 || tc.want == "" && !strings.HasSuffix(s.own.reviewed[0], ": ") || !strings.Contains(s.own.reviewed[0], tc.want) {
					t.Errorf("%s It was said: %q", tc.reason, s.own.reviewed)
				}
			})
		})
	}
}

// TestSourceProposals: images and promotions of what a source declares are proposed in its repository; without anybody who works there, that is said.
func TestSourceProposals(t *testing.T) {
	following := func(digit string) files {
		f := billing("img", "team-billing")
		text := strings.Replace(f["app/app.yaml"], "image: img, ", "", 1)
		text = strings.Replace(text, "environments: [dev]", "environments:\n    dev: {}\n    prod: {image: 'r.example/billing@"+digestOf("0")+"'}\n  image: {repository: r.example/billing, track: stable, digest: '"+digestOf(digit)+"'}", 1)
		return f.with(files{"app/app.yaml": text})
	}
	synctest.Test(t, func(t *testing.T) {
		platform := including("")
		platform["trunkline.yaml"] = strings.Replace(platform["trunkline.yaml"], "environments: [dev]", "environments: [dev, prod]", 1)
		s := newSeveral(t, platform)
		s.src.push(following("1"))
		s.accept()
		shelf, told := &shelf{w: s.own, digest: digestOf("2")}, map[string]string{}
		with := func(o Options) Options {
			o.Images = &Images{Registries: shelf, Trouble: func(text string) { s.own.set(func() { told[o.Source] = text }) }}
			return o
		}
		source := with(s.options(s.src, "billing"))
		source.Rights = s.own
		e := New(with(s.options(s.own, "")), source)
		s.own.during(e, func() {
			time.Sleep(11 * time.Minute)
			s.src.pull(1, "bob", following("1").with(files{"README.md": "more"}))
			s.src.say(1, "bob", "/trunkline promote billing --to prod")
			s.own.take(e.Of("billing"), Hint{Pull: 1, Comment: true})
			s.own.pull(1, "bob", platform.with(files{"README.md": "more"}))
			s.own.say(1, "bob", "/trunkline promote billing --to prod")
			s.own.take(e, Hint{Pull: 1, Comment: true})
		})
		var branches []string
		for _, p := range s.src.proposals() {
			branches = append(branches, p.Head.Ref)
			if f := s.src.commits[p.Head.SHA]; len(f) != 2 || f["README.md"] != "billing\n" {
				t.Errorf("%s has %v", p.Head.Ref, slices.Sorted(maps.Keys(f)))
			}
			if p.Head.Ref == imageBranch+"billing" && cmp.Diff(following("2"), s.src.commits[p.Head.SHA]) != "" {
				t.Errorf("it becomes:\n%s", cmp.Diff(following("2"), s.src.commits[p.Head.SHA]))
			}
		}
		slices.Sort(branches)
		if diff := cmp.Diff([]string{imageBranch + "billing", promoteBranch + "billing/prod"}, branches); diff != "" {
			t.Errorf("proposed in the source (-want +got):\n%s\n%s", diff, s.src.lastReply())
		}
		if got := s.own.proposals(); len(got) > 0 || told[""] != "" || !strings.Contains(s.own.lastReply(), "ask for it in a pull request of that repository") {
			t.Errorf("in the platform's own: %v; told %q\n%s", got, told, s.own.lastReply())
		}
		s.own.during(New(with(s.options(s.own, ""))), func() {
			time.Sleep(11 * time.Minute)
			if want := `images that the source "billing" follows are not proposed: the daemon's configuration names no repository at GitHub for it`; told[""] != want {
				t.Errorf("it was told %q, want %q", told[""], want)
			}
		})
	})
}
