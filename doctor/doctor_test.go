// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/reconciler/status"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// page is where each check is explained.
const page = "../docs/doctor.md"

// TestThePageHasEveryCheck: docs/doctor.md has an entry for each check, in their order, and for nothing else; and each says what to do.
func TestThePageHasEveryCheck(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var explained, checks []string
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		explained = append(explained, name)
		if !strings.Contains(body, "*What to do:*") {
			t.Errorf("the entry of %s does not say what to do", name)
		}
	}
	for _, c := range doctor.Checks() {
		checks = append(checks, string(c.ID))
	}
	if diff := cmp.Diff(checks, explained); diff != "" {
		t.Errorf("-checks +entries of %s:\n%s", page, diff)
	}
}

// TestIDs: an id is what it is about and a name, and is there once.
func TestIDs(t *testing.T) {
	of := map[doctor.Area]string{doctor.Machine: "machine", doctor.Repository: "repository", doctor.Daemon: "daemon", doctor.Clusters: "cluster", doctor.GitHub: "github"}
	seen := map[doctor.ID]bool{}
	areas := doctor.Areas()
	last := 0
	for _, c := range doctor.Checks() {
		if seen[c.ID] || !regexp.MustCompile(`^`+of[c.Area]+`-[a-z]+$`).MatchString(string(c.ID)) || c.Title == "" {
			t.Errorf("the check %q of %s with the title %q", c.ID, c.Area, c.Title)
		}
		seen[c.ID] = true
		at := slices.Index(areas, c.Area)
		if at < last {
			t.Errorf("%s comes after a check of %s", c.ID, areas[last])
		}
		last = at
	}
}

// TestNothing: where nothing is known nothing fails, and each check says why it was not made.
func TestNothing(t *testing.T) {
	r := doctor.Examine(doctor.Facts{Now: now})
	if r.Fails() || r.Counts[doctor.Warning] > 0 {
		t.Errorf("got %+v", r.Counts)
	}
	said := map[doctor.ID]bool{}
	for _, f := range r.Findings {
		said[f.Check] = true
		if f.Result == doctor.Unchecked && f.Found == "" {
			t.Errorf("%s does not say why it was not made", f.Check)
		}
	}
	for _, c := range doctor.Checks() {
		if !said[c.ID] {
			t.Errorf("nothing is said of %s", c.ID)
		}
	}
}

// running is a daemon that is fine.
func running(change func(*doctor.Running)) doctor.Fact[doctor.Running] {
	r := doctor.Running{Version: "v1.2.3", Fetched: now.Add(-20 * time.Second), Poll: 30 * time.Second, State: status.Platform{
		Source:   status.Source{URL: "https://git.example.com/a", Head: &status.Commit{Hash: "0123456789"}, Accepted: &status.Commit{Hash: "0123456789"}},
		Clusters: []status.Cluster{{Name: "prod", Reachable: true}},
		Releases: []status.Release{{ReleaseID: catalog.ReleaseID{Project: "a", Environment: "prod", Cluster: "prod"}, Result: status.Applied, Health: status.Healthy}},
	}}
	change(&r)
	return doctor.Known(r)
}

// reached is a cluster that is fine.
func reached(change func(*doctor.Reached)) []doctor.Cluster {
	r := doctor.Reached{Address: "https://prod", Version: "v1.36.3", Declared: "v1.36.0"}
	change(&r)
	return []doctor.Cluster{{Name: "prod", Reached: doctor.Known(r), Rights: doctor.Known([]doctor.Right(nil)), Needs: doctor.Known(doctor.Needs{Count: 3})}}
}

// TestChecks holds each check to what it is for.
func TestChecks(t *testing.T) {
	type facts = doctor.Facts
	const okay, warns, fails, unknown = doctor.OK, doctor.Warning, doctor.Fails, doctor.Unchecked
	cases := map[string]struct {
		reason string
		check  doctor.ID
		facts  facts
		want   doctor.Result
		// says is a part of what is said, and does of what to do.
		says, does string
	}{
		"ConfigurationWrong": {"A daemon would not start with it.", "machine-configuration", facts{Configuration: doctor.Configuration{File: "d.yaml", Problems: []string{"d.yaml:3: error: x"}}}, fails, "error: x", "explain"},
		"ConfigurationHint":  {"What a problem says to do is what is to be done.", "machine-configuration", facts{Configuration: doctor.Configuration{File: "d.yaml", Problems: []string{"d.yaml:3: error: x\n    hint: did you mean \"y\"?"}}}, fails, "error: x", `did you mean "y"?: "trunkline explain`},
		"ConfigurationGood":  {"It would.", "machine-configuration", facts{Configuration: doctor.Configuration{File: "d.yaml"}}, okay, "", ""},

		"GitNeedless": {"Servers are asked without it.", "machine-git", facts{Git: doctor.Known(doctor.Git{})}, okay, "none is needed", ""},
		"GitNeeded":   {"A folder is read with it.", "machine-git", facts{Git: doctor.Known(doctor.Git{Needed: "/srv/a.git"})}, fails, "/srv/a.git", "install"},
		"GitOld":      {"It cannot serve a commit by its hash.", "machine-git", facts{Git: doctor.Known(doctor.Git{Path: "/bin/git", Version: "git version 2.4.9"})}, fails, "2.4.9", "2.5"},
		"GitNew":      {"The version is a number, and not a text.", "machine-git", facts{Git: doctor.Known(doctor.Git{Path: "/bin/git", Version: "git version 2.39.5 (Apple Git-154)"})}, okay, "2.39.5", ""},
		"GitOther":    {"Something else is called git.", "machine-git", facts{Git: doctor.Known(doctor.Git{Path: "/bin/git", Version: "hello"})}, warns, "hello", ""},

		"FolderReadOnly": {"Nothing can be kept.", "machine-folders", facts{Folders: []doctor.Folder{{For: "x", Path: "/x", Error: "read-only file system"}}}, fails, "read-only", "right"},
		"FolderShared":   {"Others could put something there that is deployed.", "machine-folders", facts{Folders: []doctor.Folder{{Path: "/x y", Mode: 0o777, Private: true}}}, fails, "0777", "chmod go-w '/x y'"},
		"FolderTemp":     {"Everyone writes to the folder for temporary files.", "machine-folders", facts{Folders: []doctor.Folder{{Path: "/tmp", Mode: 0o777}}}, okay, "", ""},

		"SecretOwn":      {"Nobody else reads it.", "machine-secrets", facts{Secrets: []doctor.SecretFile{{Path: "/s", Mode: 0o600}}}, okay, "1 file", ""},
		"SecretGroup":    {"Kubernetes gives it to the group of a pod.", "machine-secrets", facts{Secrets: []doctor.SecretFile{{Path: "/s", Mode: 0o440}}}, okay, "", ""},
		"SecretRead":     {"Anyone reads it.", "machine-secrets", facts{Secrets: []doctor.SecretFile{{For: "serve.tokenFile", Path: "/s", Mode: 0o644}}}, warns, "serve.tokenFile", "chmod 600 /s"},
		"SecretWritten":  {"Anyone replaces it.", "machine-secrets", facts{Secrets: []doctor.SecretFile{{Path: "/s", Mode: 0o606}}}, fails, "0606", "another secret"},
		"SecretMissing":  {"A daemon would not start.", "machine-secrets", facts{Secrets: []doctor.SecretFile{{Path: "/s", Error: "no such file or directory"}}}, fails, "no such file", ""},
		"KubeconfigGone": {"It leads nowhere.", "machine-kubeconfig", facts{Kubeconfigs: []doctor.Kubeconfig{{Cluster: "a", Path: "k", Error: "no such file"}}}, fails, "no such file", ""},
		"KubeconfigExec": {"A program is not run unless that is allowed.", "machine-kubeconfig", facts{Kubeconfigs: []doctor.Kubeconfig{{Exec: "aws", ExecFound: true}}}, fails, `"aws"`, "--allow-exec-credentials"},
		"KubeconfigNone": {"The program is not there.", "machine-kubeconfig", facts{Kubeconfigs: []doctor.Kubeconfig{{Exec: "aws", ExecAllows: true}}}, fails, "not on this machine", ""},
		"KubeconfigOver": {"The certificate has expired.", "machine-kubeconfig", facts{Now: now, Kubeconfigs: []doctor.Kubeconfig{{Expires: now.Add(-time.Second)}}}, fails, "has expired on 2026-11-30", ""},
		"KubeconfigSoon": {"It is about to.", "machine-kubeconfig", facts{Now: now, Kubeconfigs: []doctor.Kubeconfig{{Expires: now.Add(6 * 24 * time.Hour)}}}, warns, "expires on", ""},
		"KubeconfigLate": {"It is not.", "machine-kubeconfig", facts{Now: now, Kubeconfigs: []doctor.Kubeconfig{{Expires: now.Add(8 * 24 * time.Hour)}}}, okay, "", ""},

		"ClockRight":   {"A second is as exact as it is told.", "machine-clock", facts{Clocks: []doctor.Clock{{Of: "a", Ahead: time.Second, Uncertain: time.Second}}}, okay, "", ""},
		"ClockSlow":    {"An answer that took long says little.", "machine-clock", facts{Clocks: []doctor.Clock{{Of: "a", Ahead: 8 * time.Second, Uncertain: 4 * time.Second}}}, okay, "", ""},
		"ClockBehind":  {"Here it is earlier.", "machine-clock", facts{Clocks: []doctor.Clock{{Of: "a", Ahead: 20 * time.Second, Uncertain: time.Second}}}, warns, "20s behind", "NTP"},
		"ClockAhead":   {"Here it is later.", "machine-clock", facts{Clocks: []doctor.Clock{{Of: "a", Ahead: -20 * time.Second}}}, warns, "20s ahead of", ""},
		"ClockMinutes": {"Tokens are of no use.", "machine-clock", facts{Clocks: []doctor.Clock{{Of: "a", Ahead: 2 * time.Minute}}}, fails, "", ""},

		"NoRepository":  {"A bare folder is nothing wrong.", "repository-found", facts{Place: doctor.Known(doctor.Place{Folder: "/x"})}, unknown, "", ""},
		"NoCommit":      {"There is nothing to read.", "repository-found", facts{Place: doctor.Known(doctor.Place{Root: "/x"})}, warns, "no commit", ""},
		"PlatformElse":  {"It is in another folder.", "repository-platform", facts{Platform: doctor.Known(doctor.Platform{Elsewhere: []string{"/r/data"}})}, warns, "/r/data", "--from /r/data"},
		"Errors":        {"The commit would be refused.", "repository-declarations", facts{Platform: doctor.Known(doctor.Platform{Name: "a", Errors: 2, Warnings: 1, Found: []string{"x", "y"}})}, fails, "2 errors: x; y", "validate"},
		"Warnings":      {"It would not.", "repository-declarations", facts{Platform: doctor.Known(doctor.Platform{Name: "a", Warnings: 1, Found: []string{"x"}})}, warns, "1 warning: x", ""},
		"RemoteAway":    {"The daemon could not read it either.", "repository-remote", facts{Remote: doctor.Known(doctor.Remote{URL: "u", Error: "authentication failed", Hint: "check them"})}, fails, "authentication", "check them"},
		"RemoteSilent":  {"It has to answer.", "repository-remote", facts{Remote: doctor.Fact[doctor.Remote]{Unknown: "no answer within 1s", Silent: true}}, fails, "within 1s", "firewall"},
		"RemoteUnknown": {"Nobody said which it is.", "repository-remote", facts{Remote: doctor.Unknown[doctor.Remote]("no remote")}, unknown, "no remote", ""},
		"Unsigned":      {"The daemon would refuse it.", "repository-signed", facts{Signed: doctor.Known(doctor.Signed{Wanted: true, Refused: "it is not signed", Who: "ann"})}, fails, "not signed", "ann"},
		"Rewritten":     {"The daemon would refuse it.", "repository-rewrite", facts{Rewrite: doctor.Known(doctor.Rewrite{Wanted: true, Behind: true, Accepted: "aaaaaaaaaa", Head: "bbbbbbbbbb"})}, fails, "aaaaaaaa,", "--accept-rewrite aaaaaaaaaa..bbbbbbbbbb"},
		"SealedNoKeys":  {"Nobody said what to decrypt with.", "repository-secrets", facts{Sealed: doctor.Known(doctor.Sealed{Count: 2})}, unknown, "2 Secrets are", ""},
		"SealedFails":   {"The release could not be applied.", "repository-secrets", facts{Sealed: doctor.Known(doctor.Sealed{Keys: 1, Count: 1, Failed: []doctor.SealedFile{{"Secret s", "a prod", "no key"}}})}, fails, "a prod: no key", ""},
		"Unlocked":      {"The blueprint is refused.", "repository-artifacts", facts{Artifacts: doctor.Known([]doctor.Artifact{{Blueprint: "web", Source: "oci://x"}})}, fails, "digest", "trunkline lock web"},
		"ArtifactAway":  {"It cannot be rendered.", "repository-artifacts", facts{Artifacts: doctor.Known([]doctor.Artifact{{Blueprint: "web", Locked: "1@x", Error: "gone"}})}, fails, "gone", ""},

		"DaemonAbsent": {"Nobody named one.", "daemon-reachable", facts{Server: "http://127.0.0.1:8080", Daemon: doctor.Known(doctor.Running{Error: "refused", Absent: true})}, unknown, "nothing listens", ""},
		"DaemonNamed":  {"Someone did.", "daemon-reachable", facts{Named: true, Daemon: doctor.Known(doctor.Running{Error: "refused", Hint: "start it", Absent: true})}, fails, "refused", "start it"},
		"DaemonSilent": {"It hangs.", "daemon-reachable", facts{Daemon: doctor.Fact[doctor.Running]{Unknown: "slow", Silent: true}}, fails, "slow", ""},
		"VersionSame":  {"It is the same.", "daemon-version", facts{Version: "v1.2.3", Daemon: running(func(*doctor.Running) {})}, okay, "", ""},
		"VersionPatch": {"A patch changes nothing that is declared.", "daemon-version", facts{Version: "v1.2.9", Daemon: running(func(*doctor.Running) {})}, okay, "v1.2.3", ""},
		"VersionMinor": {"A minor version may.", "daemon-version", facts{Version: "v1.3.0", Daemon: running(func(*doctor.Running) {})}, warns, "v1.3.0", "upgrade"},
		"VersionNone":  {"It is older than that it would say.", "daemon-version", facts{Version: "v1.3.0", Daemon: running(func(r *doctor.Running) { r.Version = "" })}, warns, "", ""},
		"VersionDevel": {"It was built of no commit.", "daemon-version", facts{Version: "(devel)", Daemon: running(func(*doctor.Running) {})}, unknown, "(devel)", ""},
		"NotReady":     {"It keeps nothing.", "daemon-ready", facts{Daemon: running(func(r *doctor.Running) { r.Ready = "no commit is accepted yet" })}, fails, "no commit", ""},
		"FetchError":   {"It cannot read the repository.", "daemon-fetch", facts{Now: now, Daemon: running(func(r *doctor.Running) { r.State.Source.Error = "no route" })}, fails, "no route", ""},
		"FetchLate":    {"It has not for long.", "daemon-fetch", facts{Now: now, Daemon: running(func(r *doctor.Running) { r.Fetched = now.Add(-6 * time.Minute) })}, warns, "6m0s", ""},
		"FetchRarely":  {"It is to do so rarely.", "daemon-fetch", facts{Now: now, Daemon: running(func(r *doctor.Running) { r.Fetched, r.Poll = now.Add(-6*time.Minute), 5*time.Minute })}, okay, "6m0s", ""},
		"FetchUnsaid":  {"It does not say.", "daemon-fetch", facts{Now: now, Daemon: running(func(r *doctor.Running) { r.Fetched = time.Time{} })}, unknown, "", ""},
		"Refused": {"The newest commit does not count.", "daemon-head", facts{Daemon: running(func(r *doctor.Running) {
			r.State.Source.Problems = v1alpha1.Problems{{Severity: v1alpha1.Deny, Message: "owner is gone"}, {Severity: v1alpha1.Warn, Message: "old"}}
		})}, fails, "refused: owner is gone", "revert"},
		"Notice":        {"Something is unusual.", "daemon-head", facts{Daemon: running(func(r *doctor.Running) { r.State.Source.Notice = "rewritten" })}, warns, "rewritten", ""},
		"NotInUse":      {"Another configuration is in use.", "daemon-configuration", facts{Daemon: running(func(r *doctor.Running) { r.State.Source.Configuration = "needs a restart" })}, warns, "needs a restart", ""},
		"ReplicaSplit":  {"They cannot agree.", "daemon-replicas", facts{Daemon: running(func(r *doctor.Running) { r.State.Replica = &status.Replica{Name: "one", Message: "cannot write"} })}, warns, "cannot write", ""},
		"ReplicaLeader": {"Nobody leads.", "daemon-replicas", facts{Daemon: running(func(r *doctor.Running) { r.State.Replica = &status.Replica{Name: "one"} })}, fails, "", ""},
		"Images":        {"A registry refuses.", "daemon-images", facts{Daemon: running(func(r *doctor.Running) { r.State.Source.Images = "refused" })}, warns, "refused", ""},
		"StoreUnlisted": {"Which lots there are is not known.", "daemon-stores", facts{Daemon: running(func(r *doctor.Running) { r.State.Releases[0].Lots = &status.Lots{Unlisted: 1} })}, fails, "1 dataset", ""},
		"ReleaseFails":  {"Someone has to look at it.", "daemon-releases", facts{Daemon: running(func(r *doctor.Running) { r.State.Releases[0].Health = status.Unhealthy })}, warns, "1 of 1 release", ""},
		"ReleaseFine":   {"Nobody has to.", "daemon-releases", facts{Daemon: running(func(*doctor.Running) {})}, okay, "", ""},

		"NoSources":     {"There is nothing to read.", "repository-sources", facts{Sources: doctor.Known([]doctor.Source{})}, okay, "includes none", ""},
		"SourceGood":    {"It is read.", "repository-sources", facts{Sources: source(func(*doctor.Source) {})}, okay, "branch main is at 01234567; nobody need sign", ""},
		"SourceSigned":  {"By one who may.", "repository-sources", facts{Sources: source(func(s *doctor.Source) { s.Signed = doctor.Signed{Wanted: true, By: "ann"} })}, okay, "signed by ann", ""},
		"SourceRefused": {"It would not count.", "repository-sources", facts{Sources: source(func(s *doctor.Source) { s.Signed = doctor.Signed{Wanted: true, Refused: "no signature", Who: "ann"} })}, fails, "no signature", "one of ann"},
		"SourceAway":    {"It stays as it was.", "repository-sources", facts{Sources: source(func(s *doctor.Source) { s.Error, s.Hint = "no route", "a VPN" })}, fails, "no route", "a VPN"},
		"SourceUnread":  {"It is not known.", "repository-sources", facts{Sources: source(func(s *doctor.Source) { s.Unread = "by the App" })}, unknown, "by the App", ""},

		"ClusterLost":     {"The daemon does not reach it.", "cluster-daemon", facts{Daemon: running(func(r *doctor.Running) { r.State.Clusters[0] = status.Cluster{Name: "prod", Message: "timeout"} })}, fails, "timeout", ""},
		"ClusterUnasked":  {"It has not tried.", "cluster-daemon", facts{Daemon: running(func(r *doctor.Running) { r.State.Clusters[0] = status.Cluster{Name: "prod"} })}, unknown, "", ""},
		"ClusterDiffers":  {"It is not as declared.", "cluster-daemon", facts{Daemon: running(func(r *doctor.Running) { r.State.Clusters[0].Warning = "differs" })}, warns, "differs", "capabilities"},
		"ClusterAway":     {"It is not reached from here.", "cluster-reachable", facts{Clusters: reached(func(r *doctor.Reached) { r.Error, r.Hint = "no route", "a VPN" })}, fails, "no route", "a VPN"},
		"ClusterSilent":   {"It hangs.", "cluster-reachable", facts{Clusters: []doctor.Cluster{{Name: "prod", Reached: doctor.Fact[doctor.Reached]{Unknown: "slow", Silent: true}}}}, fails, "slow", ""},
		"ClusterAwayToo":  {"What needs an answer is not checked.", "cluster-version", facts{Clusters: reached(func(r *doctor.Reached) { r.Error = "no route" })}, unknown, "not reached", ""},
		"VersionOld":      {"It was never tried.", "cluster-version", facts{Clusters: reached(func(r *doctor.Reached) { r.Version, r.Declared = "v1.33.9", "" })}, warns, "older than 1.34", ""},
		"VersionNew":      {"It was never tried.", "cluster-version", facts{Clusters: reached(func(r *doctor.Reached) { r.Version, r.Declared = "v1.38.0", "" })}, warns, "newer than 1.37", ""},
		"VersionDeclared": {"Charts render for another one.", "cluster-version", facts{Clusters: reached(func(r *doctor.Reached) { r.Declared = "v1.35.0" })}, warns, "declared as v1.35.0", ""},
		"VersionOfOthers": {"EKS and GKE say more.", "cluster-version", facts{Clusters: reached(func(r *doctor.Reached) { r.Version = "v1.36.2-eks-3abbec1" })}, okay, "", ""},
		"GroupSilent":     {"A server is down.", "cluster-apis", facts{Clusters: reached(func(r *doctor.Reached) { r.Silent = []string{"metrics.k8s.io"} })}, warns, "metrics.k8s.io", "apiservices"},
		"Rights": {"Something could not be deployed.", "cluster-rights", facts{Clusters: []doctor.Cluster{{
			Name: "prod", Reached: reached(func(*doctor.Reached) {})[0].Reached,
			Rights: doctor.Known([]doctor.Right{{Verbs: []string{"create", "patch"}, Resource: "namespaces"}, {Verbs: []string{"bind"}, Resource: "clusterroles.rbac.authorization.k8s.io", Name: "x"}, {Verbs: []string{"get"}, Resource: "configmaps", Namespace: "trunkline-system"}}),
		}}}, fails, "3 rights of deploy/kustomize/rbac/daemon.yaml are missing: create,patch namespaces; bind clusterroles.rbac.authorization.k8s.io/x; get configmaps in trunkline-system", "kubectl apply"},
		"Kinds": {"Something could not be deployed.", "cluster-kinds", facts{Clusters: []doctor.Cluster{{
			Name: "prod", Reached: reached(func(*doctor.Reached) {})[0].Reached, Needs: doctor.Known(doctor.Needs{Count: 2, Missing: []doctor.Kind{{"spark.apache.org/v1", "SparkApplication", "a prod"}}}),
		}}}, fails, "spark.apache.org/v1 SparkApplication (a prod)", "install"},
		"KindsUnrendered": {"Not all is known.", "cluster-kinds", facts{Clusters: []doctor.Cluster{{
			Name: "prod", Reached: reached(func(*doctor.Reached) {})[0].Reached, Needs: doctor.Known(doctor.Needs{Count: 2, Unrendered: 1}),
		}}}, unknown, "1 release", ""},

		"Storage": {"A volume is never made.", "cluster-storage", facts{Clusters: []doctor.Cluster{{
			Name: "prod", Reached: reached(func(*doctor.Reached) {})[0].Reached, Storage: doctor.Known(doctor.Lacks{Count: 2, Missing: []doctor.Lack{{"fast", "a/prod@prod"}}}),
		}}}, fails, "it has no storage class fast (a/prod@prod)", "make the class"},
		"StorageUnrendered": {"Not all is known.", "cluster-storage", facts{Clusters: []doctor.Cluster{{
			Name: "prod", Reached: reached(func(*doctor.Reached) {})[0].Reached, Storage: doctor.Known(doctor.Lacks{Count: 2, Unrendered: 1}),
		}}}, unknown, "1 release could not be rendered", ""},
		"Machines": {"Pods may wait for a machine that is made for them.", "cluster-machines", facts{Clusters: []doctor.Cluster{{
			Name: "prod", Reached: reached(func(*doctor.Reached) {})[0].Reached, Machines: doctor.Known(doctor.Lacks{Count: 1, Missing: []doctor.Lack{{"pool=gpu", "a/prod@prod"}}}),
		}}}, warns, "no node has the labels pool=gpu (a/prod@prod)", "spec.spot"},
		"MachinesFine": {"There are some.", "cluster-machines", facts{Clusters: []doctor.Cluster{{
			Name: "prod", Reached: reached(func(*doctor.Reached) {})[0].Reached, Machines: doctor.Known(doctor.Lacks{Count: 2}),
		}}}, okay, "2 node selectors", ""},
		"Metrics": {"Nothing is scaled.", "cluster-metrics", facts{Clusters: []doctor.Cluster{{
			Name: "prod", Reached: reached(func(*doctor.Reached) {})[0].Reached, Metrics: doctor.Known(doctor.Lacks{Count: 1, Missing: []doctor.Lack{{"metrics.k8s.io", "a/prod@prod"}}}),
		}}}, fails, "it does not serve metrics.k8s.io", "metrics-server"},

		"NoGitHub":       {"No daemon is connected to it.", "github-access", facts{}, unknown, "connects no daemon", ""},
		"GitHubRefuses":  {"Nothing is reported.", "github-access", facts{GitHub: "a/b", Access: doctor.Known(doctor.Access{Error: "not accepted"})}, fails, "not accepted", "docs/github.md"},
		"PermissionLess": {"Something would be refused.", "github-permissions", facts{GitHub: "a/b", Permissions: doctor.Known([]doctor.Permission{{Name: "Checks", Needed: "write", Has: "read"}, {Name: "Issues", Needed: "read"}})}, fails, "Checks: read instead of write; Issues: none instead of read", ""},
		"PermissionMore": {"More than is needed is enough.", "github-permissions", facts{GitHub: "a/b", Permissions: doctor.Known([]doctor.Permission{{Name: "Checks", Needed: "read", Has: "write"}})}, okay, "all 1", ""},
		"EventsMissing":  {"The daemon hears of them later.", "github-events", facts{GitHub: "a/b", Events: doctor.Known(doctor.Events{Needed: []string{"check_run", "push"}, Has: []string{"push", "issues"}})}, warns, "not subscribed to: check_run", "Permissions & events"},
		"EventsAll":      {"More than is needed is enough.", "github-events", facts{GitHub: "a/b", Events: doctor.Known(doctor.Events{Needed: []string{"push"}, Has: []string{"issues", "push"}})}, okay, "all 1", ""},
		"EventsNone":     {"The daemon polls.", "github-events", facts{GitHub: "a/b", Events: doctor.Known(doctor.Events{Has: []string{"push"}})}, okay, "polls", ""},
		"NoWebhook":      {"The daemon polls.", "github-deliveries", facts{GitHub: "a/b", Deliveries: doctor.Known(doctor.Deliveries{})}, okay, "polls", ""},
		"SomeLost":       {"It is slower for that.", "github-deliveries", facts{GitHub: "a/b", Deliveries: doctor.Known(doctor.Deliveries{Hook: "h", Count: 6, Failed: []doctor.Delivery{{Event: "push", Status: "401", Code: 401}}})}, warns, `1 of the last 6 did not, such as "push"`, "secret"},
		"AllLost":        {"None arrives.", "github-deliveries", facts{GitHub: "a/b", Deliveries: doctor.Known(doctor.Deliveries{Hook: "h", Count: 5, Failed: make([]doctor.Delivery, 5)})}, fails, "5 of the last 5", "cannot reach"},
		"FirstLost":      {"A few say little.", "github-deliveries", facts{GitHub: "a/b", Deliveries: doctor.Known(doctor.Deliveries{Hook: "h", Count: 4, Failed: make([]doctor.Delivery, 4)})}, warns, "", ""},
		"RateSpent":      {"Nothing can be done until then.", "github-rate", facts{GitHub: "a/b", Access: doctor.Known(doctor.Access{Limit: 5000, Reset: now})}, fails, "until 12:00 UTC", ""},
		"RateLow":        {"It is about to be.", "github-rate", facts{GitHub: "a/b", Access: doctor.Known(doctor.Access{Limit: 5000, Remaining: 499})}, warns, "499 of 5000", ""},
		"RateFine":       {"It is not.", "github-rate", facts{GitHub: "a/b", Access: doctor.Known(doctor.Access{Limit: 5000, Remaining: 501})}, okay, "", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []doctor.Finding
			for _, f := range doctor.Examine(tc.facts).Findings {
				if f.Check == tc.check {
					got = append(got, f)
				}
			}
			if len(got) != 1 || got[0].Result != tc.want || !strings.Contains(got[0].Found, tc.says) || !strings.Contains(got[0].Do, tc.does) {
				t.Fatalf("%s\ngot %+v\nwant %s with %q, and to do %q", tc.reason, got, tc.want, tc.says, tc.does)
			}
			if bad := tc.want == fails || tc.want == warns; bad != (got[0].Do != "") {
				t.Errorf("%s\nwhat to do: %q", tc.reason, got[0].Do)
			}
			if got[0].Page != doctor.Pages+"#"+string(tc.check) {
				t.Errorf("the page is %s", got[0].Page)
			}
		})
	}
}

// source is one that the platform includes.
func source(change func(*doctor.Source)) doctor.Fact[[]doctor.Source] {
	s := doctor.Source{Name: "shared", Line: "branch main", Remote: doctor.Remote{URL: "https://git.example.com/shared.git", Commit: "0123456789abcdef"}}
	change(&s)
	return doctor.Known([]doctor.Source{s})
}

// TestInvariants: whatever is known, all checks say something, what does not work has something to do, and the counts are right.
func TestInvariants(t *testing.T) {
	words := rapid.SampledFrom([]string{"", "x", "v1.36.0", "v1.2.3", "1.99"})
	rapid.Check(t, func(t *rapid.T) {
		var f doctor.Facts
		f.Now, f.Version, f.Named = now, words.Draw(t, "version"), rapid.Bool().Draw(t, "named")
		if rapid.Bool().Draw(t, "git") {
			f.Git = doctor.Known(doctor.Git{Path: words.Draw(t, "path"), Version: words.Draw(t, "git version"), Needed: words.Draw(t, "needed")})
		}
		if rapid.Bool().Draw(t, "running") {
			f.Daemon = running(func(r *doctor.Running) {
				r.Error, r.Version, r.Ready = words.Draw(t, "error"), words.Draw(t, "daemon version"), words.Draw(t, "ready")
				r.Fetched = now.Add(-time.Duration(rapid.Int64Range(-1e12, 1e12).Draw(t, "ago")))
				if rapid.Bool().Draw(t, "nothing yet") {
					r.State = status.Platform{}
				}
			})
		} else {
			f.Daemon = doctor.Fact[doctor.Running]{Unknown: words.Draw(t, "why"), Silent: rapid.Bool().Draw(t, "silent")}
		}
		if rapid.Bool().Draw(t, "cluster") {
			f.Clusters = reached(func(r *doctor.Reached) {
				r.Error, r.Version, r.Declared = words.Draw(t, "e"), words.Draw(t, "v"), words.Draw(t, "d")
			})
		}
		f.Clocks = []doctor.Clock{{Ahead: time.Duration(rapid.Int64Range(-1e12, 1e12).Draw(t, "ahead"))}}
		r := doctor.Examine(f)
		counts := map[doctor.Result]int{doctor.OK: 0, doctor.Warning: 0, doctor.Fails: 0, doctor.Unchecked: 0}
		said := map[doctor.ID]bool{}
		for _, one := range r.Findings {
			counts[one.Result]++
			said[one.Check] = true
			if one.Found == "" || (one.Result == doctor.Fails || one.Result == doctor.Warning) == (one.Do == "") {
				t.Fatalf("%+v", one)
			}
		}
		if diff := cmp.Diff(counts, r.Counts); diff != "" || r.Fails() != (counts[doctor.Fails] > 0) {
			t.Fatal(diff)
		}
		for _, c := range doctor.Checks() {
			if !said[c.ID] {
				t.Fatalf("nothing is said of %s", c.ID)
			}
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSourcesAtGitHub: the repositories of sources are looked at as the platform's own is, each by itself.
func TestSourcesAtGitHub(t *testing.T) {
	r := doctor.Examine(doctor.Facts{
		Now: now, GitHub: "a/own", Access: doctor.Known(doctor.Access{App: true}), Permissions: doctor.Known([]doctor.Permission{}),
		GitHubSources: []doctor.AtGitHub{
			{Name: "b/refused", Access: doctor.Known(doctor.Access{Error: "not found"}), Permissions: doctor.Unknown[[]doctor.Permission]("not found")},
			{Name: "c/public", Access: doctor.Known(doctor.Access{Public: true}), Permissions: doctor.Known([]doctor.Permission{})},
			{Name: "d/less", Access: doctor.Known(doctor.Access{App: true}), Permissions: doctor.Known([]doctor.Permission{{Name: "Contents", Needed: "read"}})},
		},
	})
	var got []string
	for _, f := range r.Findings {
		if f.Check == "github-access" || f.Check == "github-permissions" {
			got = append(got, strings.Join([]string{string(f.Check), string(f.Result), f.Where, f.Found}, " | "))
		}
	}
	want := []string{
		"github-access | ok | a/own | as the App", "github-access | fails | b/refused | not found", "github-access | ok | c/public | everyone may read it",
		"github-access | ok | d/less | as the App",
		"github-permissions | ok | a/own | all 0", "github-permissions | not checked | b/refused | not found", "github-permissions | ok | c/public | all 0",
		"github-permissions | fails | d/less | missing: Contents: none instead of read",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
