// SPDX-License-Identifier: Apache-2.0

package signers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/reconciler/signers"
)

// workshop is a repository, and the programs that sign: git, gpg and ssh-keygen, with keys of their own.
type workshop struct {
	t   *testing.T
	dir string
	env []string
	// rings are the folders of keyrings, by the keys that are in them.
	rings map[string]string
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	for _, program := range []string{"git", "gpg", "ssh-keygen"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: nothing can be compared with it", program)
		}
	}
	// gpg's sockets need a short path.
	home, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	w := &workshop{t: t, dir: t.TempDir(), rings: map[string]string{}}
	w.env = append(os.Environ(), "GNUPGHOME="+home, "HOME="+home, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "TZ=UTC")
	t.Cleanup(func() {
		_, _, _ = w.try("", "gpgconf", "--kill", "all")
		_ = os.RemoveAll(home)
		for _, ring := range w.rings {
			_ = os.RemoveAll(ring)
		}
	})
	w.run("", "git", "init", "-q", "-b", "main", ".")
	for _, setting := range []string{"user.name=Ann", "user.email=ann@example.com", "commit.gpgsign=false"} {
		name, value, _ := strings.Cut(setting, "=")
		w.run("", "git", "config", name, value)
	}
	return w
}

func (w *workshop) try(stdin, name string, args ...string) (stdout, stderr string, err error) {
	cmd := exec.CommandContext(context.WithoutCancel(w.t.Context()), name, args...) // also while cleaning up
	cmd.Dir, cmd.Env, cmd.Stdin = w.dir, w.env, strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func (w *workshop) run(stdin, name string, args ...string) string {
	w.t.Helper()
	out, errs, err := w.try(stdin, name, args...)
	if err != nil {
		w.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs)
	}
	return strings.TrimSpace(out)
}

func (w *workshop) file(name string) string { return filepath.Join(w.dir, name) }

func (w *workshop) read(name string) []byte {
	w.t.Helper()
	data, err := os.ReadFile(w.file(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

// sshKey makes a key, and returns its public line.
func (w *workshop) sshKey(name, kind string, more ...string) string {
	w.t.Helper()
	w.run("", "ssh-keygen", append([]string{"-q", "-t", kind, "-N", "", "-C", "", "-f", w.file(name)}, more...)...)
	return strings.TrimSpace(string(w.read(name + ".pub")))
}

// gpgKey makes a key, and returns its fingerprint.
func (w *workshop) gpgKey(user, kind, expires string) string {
	w.t.Helper()
	w.run("", "gpg", "--batch", "--passphrase", "", "--quick-generate-key", user, kind, "sign", expires)
	for line := range strings.Lines(w.run("", "gpg", "--list-keys", "--with-colons", user)) {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" {
			return fields[9]
		}
	}
	w.t.Fatal("gpg made no key")
	return ""
}

func (w *workshop) export(keys ...string) string {
	w.t.Helper()
	return w.run("", "gpg", append([]string{"--export", "--armor"}, keys...)...)
}

// plain makes a commit that is not signed, of a time, and returns its hash.
func (w *workshop) plain(when time.Time, args ...string) string {
	w.t.Helper()
	saved := w.env
	at := fmt.Sprintf("%d +0000", when.Unix())
	w.env = append(slices.Clip(w.env), "GIT_COMMITTER_DATE="+at, "GIT_AUTHOR_DATE="+at)
	defer func() { w.env = saved }()
	w.run("", "git", append(append([]string{}, args...), "commit", "-q", "--allow-empty", "-m", "message "+at)...)
	return w.run("", "git", "rev-parse", "HEAD")
}

// signed has git sign a commit.
func (w *workshop) signed(when time.Time, format, key string) string {
	w.t.Helper()
	return w.plain(when, "-c", "gpg.format="+format, "-c", "user.signingkey="+key, "-c", "commit.gpgsign=true")
}

func (w *workshop) raw(commit string) string {
	w.t.Helper()
	out, errs, err := w.try("", "git", "cat-file", "commit", commit)
	if err != nil {
		w.t.Fatal(errs)
	}
	return out
}

// write stores a commit object that was changed.
func (w *workshop) write(raw string) string {
	w.t.Helper()
	return w.run(raw, "git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin")
}

// insert adds headers to a commit.
func insert(raw, headers string) string { return strings.Replace(raw, "\n\n", "\n"+headers+"\n", 1) }

// header makes one of a text of several lines.
func header(name, text string) string {
	return name + " " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n ") + "\n"
}

func object(t *testing.T, raw string) signers.Object {
	t.Helper()
	o := signers.Object{Raw: []byte(raw)}
	for line := range strings.Lines(raw) {
		if line == "\n" {
			break
		}
		if tree, ok := strings.CutPrefix(line, "tree "); ok && o.Tree == "" {
			o.Tree = strings.TrimSpace(tree)
		}
		if parent, ok := strings.CutPrefix(line, "parent "); ok {
			o.Parents = append(o.Parents, strings.TrimSpace(parent))
		}
	}
	return o
}

// git reports whether Git itself accepts the signature, with the same signers.
func (w *workshop) git(commit, allowed, keys string) bool {
	w.t.Helper()
	if err := os.WriteFile(w.file("allowed"), []byte(allowed), 0o600); err != nil {
		w.t.Fatal(err)
	}
	saved := w.env
	defer func() { w.env = saved }()
	w.useRing(keys)
	_, _, err := w.try("", "git", "-c", "gpg.ssh.allowedSignersFile="+w.file("allowed"), "verify-commit", commit)
	return err == nil
}

// useRing has gpg use a keyring that has none but these keys.
func (w *workshop) useRing(keys string) {
	w.t.Helper()
	ring, known := w.rings[keys]
	if !known {
		var err error
		if ring, err = os.MkdirTemp("", "gpg"); err != nil {
			w.t.Fatal(err)
		}
		w.rings[keys] = ring
	}
	w.env = append(slices.Clip(w.env), "GNUPGHOME="+ring)
	if !known && keys != "" {
		w.run(keys, "gpg", "--batch", "--import")
	}
}

// TestAsGitDoes signs commits with Git, gpg and ssh-keygen, damages some, and compares with what Git says of them.
func TestAsGitDoes(t *testing.T) {
	w := newWorkshop(t)
	now := time.Now().Truncate(time.Second)
	ann, bob := w.sshKey("ann", "ed25519"), w.sshKey("bob", "ecdsa")
	rsa := w.sshKey("rsa", "rsa", "-b", "3072")
	authority := w.sshKey("authority", "ed25519")
	w.sshKey("carl", "ed25519")
	w.run("", "ssh-keygen", "-q", "-s", "authority", "-I", "carl", "-n", "carl@example.com", "carl.pub")
	w.sshKey("dora", "ed25519")
	w.run("", "ssh-keygen", "-q", "-s", "authority", "-I", "dora", "-n", "dora@example.com", "-V", "20200101:20210101", "dora.pub")
	eve := w.gpgKey("Eve <eve@example.com>", "ed25519", "0")
	fred := w.gpgKey("Fred <fred@example.com>", "rsa3072", "0")
	w.gpgKey("Gina <gina@example.com>", "ed25519", "0")
	expired := func() string {
		w.run("", "gpg", "--batch", "--faked-system-time", "20240101T000000", "--passphrase", "", "--quick-generate-key", "Hal <hal@example.com>", "ed25519", "sign", "2024-02-01")
		return "hal@example.com"
	}()
	w.run("", "gpg", "--batch", "--passphrase", "", "--quick-generate-key", "Ida <ida@example.com>", "ed25519", "sign", "0")
	byIda := w.signed(now, "openpgp", "ida@example.com")
	idaFingerprint := strings.Split(strings.Split(w.run("", "gpg", "--list-keys", "--with-colons", "ida@example.com"), "fpr:")[1], ":")[8]
	revocation := strings.ReplaceAll(string(w.home("openpgp-revocs.d/"+idaFingerprint+".rev")), ":-----BEGIN", "-----BEGIN")
	w.run(revocation, "gpg", "--batch", "--import")

	byAnn, byBob, byRSA := w.signed(now, "ssh", w.file("ann")), w.signed(now, "ssh", w.file("bob")), w.signed(now, "ssh", w.file("rsa"))
	old := w.signed(time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC), "ssh", w.file("ann"))
	byCarl := w.certified(now, "carl")
	byDora, byDoraThen := w.certified(now, "dora"), w.certified(time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC), "dora")
	byEve, byFred, byGina := w.signed(now, "openpgp", eve), w.signed(now, "openpgp", fred), w.signed(now, "openpgp", "gina@example.com")
	byHal := w.faked("20240115T000000", expired)
	unsigned := w.plain(now)
	w.run("", "git", "checkout", "-q", "-b", "side", byAnn)
	w.plain(now)
	w.run("", "git", "checkout", "-q", "main")
	w.run("", "git", "-c", "gpg.format=openpgp", "-c", "user.signingkey="+eve, "merge", "-q", "-S", "--no-ff", "-m", "Merge pull request #1", "side")
	merge := w.run("", "git", "rev-parse", "HEAD")

	someone := "ann@example.com " + ann + "\nbob@example.com,*@partner.example.com " + bob + "\nrsa@example.com " + rsa + "\n"
	keys := w.export(eve, fred, "hal@example.com", "ida@example.com")
	sshOf := func(commit string) string { // its signature
		raw := w.raw(commit)
		start := strings.Index(raw, "gpgsig ") + len("gpgsig ")
		end := strings.Index(raw, "-----END ")
		end += strings.Index(raw[end:], "\n")
		return strings.ReplaceAll(raw[start:end], "\n ", "\n")
	}
	without := func(commit string) string {
		raw := w.raw(commit)
		sig := header("gpgsig", sshOf(commit))
		if !strings.Contains(raw, sig) {
			t.Fatalf("the commit has no signature as this test thinks that it is written:\n%s", raw)
		}
		return strings.Replace(raw, sig, "", 1)
	}
	forNamespace := func(namespace string) string {
		w.run(without(byAnn), "sh", "-c", "cat > payload")
		w.run("", "sh", "-c", "rm -f payload.sig; ssh-keygen -q -Y sign -n "+namespace+" -f ann payload")
		return insert(without(byAnn), header("gpgsig", string(w.read("payload.sig"))))
	}

	cases := []struct {
		name, reason string
		commit       string
		allowed      string
		keys         string
		// want is who signed; or else why it does not count, after "!".
		want string
		// git is set if Git says something else, and why that is.
		git string
	}{
		{name: "SSH", commit: byAnn, want: "ann@example.com"},
		{name: "SSH, ECDSA", commit: byBob, want: "bob@example.com,*@partner.example.com"},
		{name: "SSH, RSA", commit: byRSA, want: "rsa@example.com"},
		{name: "OpenPGP", commit: byEve, want: "Eve <eve@example.com>"},
		{name: "OpenPGP, RSA", commit: byFred, want: "Fred <fred@example.com>"},
		{name: "merge", reason: "A merge is signed by who makes it, as GitHub does.", commit: merge, want: "Eve <eve@example.com>"},
		{name: "not signed", commit: unsigned, want: "!it is not signed"},
		{name: "another SSH key", commit: byAnn, allowed: "bob@example.com " + bob, want: "!none of those that may sign"},
		{name: "another OpenPGP key", commit: byGina, want: "!none of those that may sign"},
		{name: "no OpenPGP key at all", commit: byEve, keys: "none", want: "!none of those that may sign"},
		{name: "expired OpenPGP key", commit: byHal, want: "!has expired"},
		{name: "revoked OpenPGP key", commit: byIda, want: "!is revoked"},
		{name: "namespace git", commit: byAnn, allowed: `a namespaces="file,git" ` + ann, want: "a"},
		{name: "another namespace allowed", commit: byAnn, allowed: `a namespaces="file" ` + ann, want: "!not \"git\""},
		{name: "namespace denied", commit: byAnn, allowed: `a namespaces="*,!git" ` + ann, want: "!not \"git\""},
		{name: "signed for a file", reason: "A signature of a file must not become one of a commit.", commit: w.write(forNamespace("file")), want: "!is for \"file\""},
		{name: "signed by hand", commit: w.write(forNamespace("git")), want: "ann@example.com"},
		{name: "not valid any more", commit: byAnn, allowed: `a valid-before="20250101" ` + ann, want: "!until 2025-01-01"},
		{name: "not valid yet", commit: old, allowed: `a valid-after="20250101" ` + ann, want: "!from 2025-01-01"},
		{name: "valid then", reason: "What counts is the time of the commit.", commit: old, allowed: `a valid-after="20240101",valid-before="202501010000" ` + ann, want: "a"},
		{name: "a second line", commit: byAnn, allowed: `a valid-before="20250101" ` + ann + "\n\n# again\nb " + ann, want: "b"},
		{name: "certificate", commit: byCarl, allowed: `*@example.com cert-authority ` + authority, want: "carl@example.com"},
		{name: "certificate of another domain", commit: byCarl, allowed: `*@example.org cert-authority ` + authority, want: "!of nobody"},
		{name: "certificate of another authority", commit: byCarl, allowed: `*@example.com cert-authority ` + bob, want: "!none of those"},
		{name: "certificate without an authority", commit: byCarl, allowed: `*@example.com ` + authority, want: "!none of those"},
		{name: "the authority itself", reason: "It signs certificates, and no commits.", commit: byAnn, allowed: `a cert-authority ` + ann, want: "!none of those"},
		{name: "expired certificate", commit: byDora, allowed: `* cert-authority ` + authority, want: "!does not count"},
		{name: "certificate that was valid", commit: byDoraThen, allowed: `* cert-authority ` + authority, want: "dora@example.com"},
		{name: "another message", commit: w.write(w.raw(byAnn) + "more\n"), want: "!not over this commit"},
		{name: "another tree", commit: w.write(strings.Replace(w.raw(byEve), w.raw(byEve)[5:45], strings.Repeat("1", 40), 1)), want: "!not over this commit"},
		{name: "signature of another commit", commit: w.write(insert(without(byBob), header("gpgsig", sshOf(byAnn)))), want: "!not over this commit"},
		{name: "cut off", commit: w.write(insert(without(byAnn), header("gpgsig", sshOf(byAnn)[:120]))), want: "!damaged"},
		{name: "OpenPGP, cut off", commit: w.write(insert(without(byEve), header("gpgsig", sshOf(byEve)[:80]))), want: "!damaged"},
		{name: "another text", commit: w.write(insert(without(byAnn), header("gpgsig", "yes, I did"))), want: "!no known kind"},
		{name: "X.509", commit: w.write(insert(without(byAnn), header("gpgsig", "-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----"))), want: "!X.509"},
		{name: "two headers", reason: "Nobody says which one counts.", commit: w.write(insert(w.raw(byAnn), header("gpgsig", sshOf(byAnn)))), want: "!several headers", git: "Git joins them, and ssh-keygen reads the first one"},
		{name: "two signatures in one", commit: w.write(insert(without(byEve), header("gpgsig", sshOf(byEve)+"\n"+sshOf(byEve)))), want: "!several", git: "gpg reads the first one"},
		{name: "one for SHA-256 beside it", reason: "It is over the same commit in another format.", commit: w.write(insert(w.raw(byAnn), header("gpgsig-sha256", sshOf(byBob)))), want: "ann@example.com"},
		{name: "only one for SHA-256", commit: w.write(insert(without(byAnn), header("gpgsig-sha256", sshOf(byAnn)))), want: "!it is not signed"},
		{name: "a header of a name like it", reason: "Git leaves it out of what is signed.", commit: w.write(insert(w.raw(byAnn), "gpgsig-more x\n")), want: "!does not write", git: "Git ignores it"},
		{name: "two trees", reason: "Which one is signed?", commit: w.write(strings.Replace(w.raw(byAnn), "tree ", "tree "+strings.Repeat("1", 40)+"\ntree ", 1)), want: "!not where Git writes it"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			w.t = t
			allowed, pgp := tc.allowed, keys
			if allowed == "" {
				allowed = someone
			}
			files := []signers.File{{Name: "keys.asc", Data: []byte(pgp)}}
			if tc.keys != "" {
				files, pgp = nil, ""
			}
			who, err := signers.Read([]signers.File{{Name: "allowed", Data: []byte(allowed)}}, files)
			if err != nil {
				t.Fatal(err)
			}
			by, err := who.Verify(object(t, w.raw(tc.commit)), time.Now())
			refusal, refused := errors.AsType[*signers.RefusedError](err)
			because, want := strings.CutPrefix(tc.want, "!")
			switch {
			case err != nil && !refused:
				t.Fatal(err)
			case want != refused:
				t.Errorf("signed by %s, error %v; want %q. %s", by, err, tc.want, tc.reason)
			case want && !strings.Contains(refusal.Because, because):
				t.Errorf("it is refused because %q; want %q", refusal.Because, because)
			case !want && by.Name != because:
				t.Errorf("signed by %q, want %q", by.Name, because)
			}
			if said := w.git(tc.commit, allowed, pgp); said == refused && tc.git == "" {
				t.Errorf("git verify-commit accepts it: %t; here it is refused: %t (%v)", said, refused, err)
			}
		})
	}
	w.t = t
}

// home reads a file of gpg's.
func (w *workshop) home(name string) []byte {
	w.t.Helper()
	for _, v := range w.env {
		if dir, ok := strings.CutPrefix(v, "GNUPGHOME="); ok {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				w.t.Fatal(err)
			}
			return data
		}
	}
	return nil
}

// certified signs a commit with a certificate, which ssh-keygen takes from an agent only.
func (w *workshop) certified(when time.Time, name string) string {
	w.t.Helper()
	raw := w.raw(w.plain(when))
	if err := os.WriteFile(w.file("payload"), []byte(raw), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.run("", "sh", "-c", fmt.Sprintf(`rm -f payload.sig; eval "$(ssh-agent -s)" >&2; ssh-add -q %s; ssh-keygen -q -Y sign -n git -f %s-cert.pub payload; kill "$SSH_AGENT_PID"`, name, name))
	return w.write(insert(raw, header("gpgsig", string(w.read("payload.sig")))))
}

// faked signs a commit with gpg at another time.
func (w *workshop) faked(at, key string) string {
	w.t.Helper()
	when, err := time.Parse("20060102T150405", at)
	if err != nil {
		w.t.Fatal(err)
	}
	raw := w.raw(w.plain(when))
	sig := w.run(raw, "gpg", "--batch", "--faked-system-time", at, "--armor", "--detach-sign", "--local-user", key)
	return w.write(insert(raw, header("gpgsig", sig)))
}

// TestExpiredSinceThen: a commit that was accepted is held against the time at which it was made.
func TestExpiredSinceThen(t *testing.T) {
	w := newWorkshop(t)
	w.run("", "gpg", "--batch", "--faked-system-time", "20240101T000000", "--passphrase", "", "--quick-generate-key", "Hal <hal@example.com>", "ed25519", "sign", "2024-02-01")
	commit := object(t, w.raw(w.faked("20240115T000000", "hal@example.com")))
	who, err := signers.Read(nil, []signers.File{{Name: "keys", Data: []byte(w.export("hal@example.com"))}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		at   time.Time
		want bool
	}{{time.Time{}, true}, {time.Date(2024, 1, 20, 0, 0, 0, 0, time.UTC), true}, {time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), false}, {time.Date(2024, 1, 10, 0, 0, 0, 0, time.UTC), false}} {
		if _, err := who.Verify(commit, tc.at); (err == nil) != tc.want {
			t.Errorf("at %s: %v; want it accepted: %t", tc.at, err, tc.want)
		}
	}
}

// TestReadTheSame: what acts on a commit must have read in it what is signed.
func TestReadTheSame(t *testing.T) {
	w := newWorkshop(t)
	key := w.sshKey("ann", "ed25519")
	w.plain(time.Now())
	commit := object(t, w.raw(w.signed(time.Now(), "ssh", w.file("ann"))))
	who, err := signers.Read([]signers.File{{Name: "allowed", Data: []byte("ann " + key)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := who.Verify(commit, time.Now()); err != nil {
		t.Fatal(err)
	}
	tree, parents := commit, commit
	tree.Tree = strings.Repeat("2", 40)
	parents.Parents = nil
	for name, o := range map[string]signers.Object{"tree": tree, "parents": parents} {
		if _, err := who.Verify(o, time.Now()); err == nil || !strings.Contains(err.Error(), "two ways") {
			t.Errorf("with another %s read: %v", name, err)
		}
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	w := newWorkshop(t)
	key, short := w.sshKey("ann", "ed25519"), w.sshKey("short", "rsa", "-b", "1024")
	w.gpgKey("Eve <eve@example.com>", "ed25519", "0")
	secret := w.run("", "gpg", "--batch", "--export-secret-keys", "--armor")
	public := w.export("eve@example.com")
	cases := []struct {
		name, ssh, gpg string
		want           string
	}{
		{name: "nothing", ssh: "# nobody\n", want: "signers: nobody may sign"},
		{name: "no key", ssh: "ann\n", want: "signers:1: the line is not of the form"},
		{name: "key alone", ssh: key + "\n", want: "signers:1: there is no public key"},
		{name: "unknown option", ssh: "ann " + key + "\nbob touch-required " + key, want: `signers:2: the option "touch-required" is not known`},
		{name: "option without quotation marks", ssh: "ann namespaces=git " + key, want: "not of the form NAME"},
		{name: "no time", ssh: `ann valid-after="tomorrow" ` + key, want: `"tomorrow" is not a time`},
		{name: "never", ssh: `ann valid-after="20260101",valid-before="20250101" ` + key, want: "never valid"},
		{name: "short key", ssh: "ann " + short, want: "1024 bits"},
		{name: "open quotation", ssh: `"ann ` + key, want: "not closed"},
		{name: "private OpenPGP key", gpg: secret, want: "keys holds a private key"},
		{name: "text", gpg: "hello", want: "keys: the OpenPGP keys are damaged"},
		{name: "empty", gpg: " ", want: "keys:"},
		{name: "damaged", gpg: public[:len(public)/2], want: "keys: the OpenPGP keys are damaged"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var ssh, gpg []signers.File
			if tc.ssh != "" {
				ssh = []signers.File{{Name: "signers", Data: []byte(tc.ssh)}}
			}
			if tc.gpg != "" {
				gpg = []signers.File{{Name: "keys", Data: []byte(tc.gpg)}}
			}
			_, err := signers.Read(ssh, gpg)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v; want %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), secret[100:140]) {
				t.Error("the error holds the key")
			}
		})
	}
	for name, keys := range map[string]string{"two blocks": public + "\n" + public, "binary": string(w.binary("eve@example.com"))} {
		if who, err := signers.Read(nil, []signers.File{{Name: "keys", Data: []byte(keys)}}); err != nil || len(who.Names()) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (w *workshop) binary(key string) []byte {
	w.t.Helper()
	out, errs, err := w.try("", "gpg", "--export", key)
	if err != nil {
		w.t.Fatal(errs)
	}
	return []byte(out)
}

// FuzzVerify holds what reads commits of strangers to end without a panic, and to accept nothing.
func FuzzVerify(f *testing.F) {
	f.Add("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\ngpgsig -----BEGIN SSH SIGNATURE-----\n U1NIU0lH\n -----END SSH SIGNATURE-----\n\nx\n")
	f.Add("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n iHUEABYK\n =aaaa\n -----END PGP SIGNATURE-----\n\nx\n")
	who, err := signers.Read([]signers.File{{Name: "allowed", Data: []byte("ann ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0WlZuy1XXzL8y8T0G1yZcW5sY2d5T5Gm0V0p9vVq1x\n")}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if by, err := who.Verify(object(t, raw), time.Now()); err == nil {
			t.Errorf("it is signed by %s", by)
		}
	})
}
