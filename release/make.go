// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"trunkline.dev/trunkline/build/statement"
	"trunkline.dev/trunkline/release/attest"
	"trunkline.dev/trunkline/release/bill"
	"trunkline.dev/trunkline/release/notes"
	"trunkline.dev/trunkline/release/pack"
	"trunkline.dev/trunkline/release/source"
)

// maker makes one release.
type maker struct {
	Options
	log      io.Writer
	commit   source.Commit
	programs []source.Program
	licences bill.Licences
	key      *attest.Key
	// zones is the archive of time zones of the toolchain.
	zones string
	// zig is the version of the compiler, if there is one.
	zig string
	// files are what people download.
	files []string
	// subjects are what the provenance is about.
	subjects []statement.Subject
}

// Make makes what the options ask for.
func Make(ctx context.Context, o Options, log io.Writer) (err error) {
	m := &maker{Options: o, log: log}
	if o.Key != "" {
		if m.key, err = attest.ReadKey(o.Key, o.Password); err != nil {
			return err
		}
	}
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := m.begin(ctx, work); err != nil {
		return err
	}
	if err := m.build(ctx, work); err != nil {
		return err
	}
	if o.Only == "" {
		if err := m.pack(ctx, work); err != nil {
			return err
		}
	}
	if err := m.images(ctx); err != nil {
		return err
	}
	return m.finish()
}

func (m *maker) say(format string, args ...any) {
	_, _ = fmt.Fprintf(m.log, format+"\n", args...) // what is told is not what is made
}

// begin finds out of what and by what it is made, and empties the folder of what is made.
func (m *maker) begin(ctx context.Context, work string) error {
	env, err := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOMODCACHE").Output()
	if err != nil {
		return fmt.Errorf("asking the Go toolchain where it is: %w", err)
	}
	root, cache, _ := strings.Cut(strings.TrimSpace(string(env)), "\n")
	m.zones, m.licences = filepath.Join(root, "lib", "time", "zoneinfo.zip"), bill.Licences{Cache: cache}
	if m.Zig != "" {
		version, err := output(ctx, m.Zig, "version")
		if err != nil {
			return fmt.Errorf("%w: \"make zig\" installs it", err)
		}
		m.zig = strings.TrimSpace(string(version))
	}
	repo, err := filepath.Abs(m.Repo)
	if err != nil {
		return err
	}
	if m.commit, err = source.Checkout(ctx, repo, m.Revision, filepath.Join(work, "source")); err != nil {
		return err
	}
	if err := os.RemoveAll(m.Out); err != nil {
		return fmt.Errorf("emptying %s: %w", m.Out, err)
	}
	if err := makeFolder(m.Out); err != nil {
		return err
	}
	m.say("commit    %s", m.commit.Hash)
	return nil
}

// compiler is that of what is written in C, if there is one.
func (m *maker) compiler(work string) *source.Compiler {
	if m.Zig == "" {
		return nil
	}
	return &source.Compiler{Zig: m.Zig, Stubs: filepath.Join(work, "stubs")}
}

// build builds the programs that are needed.
func (m *maker) build(ctx context.Context, work string) error {
	for _, on := range m.Platforms {
		for i, pkg := range m.Packages {
			if m.Only == "image" && (i > 0 || on.OS != "linux") {
				continue
			}
			p, err := m.commit.Build(ctx, pkg, on, m.Flags, m.compiler(work), filepath.Join(work, "bin"))
			if err != nil {
				return err
			}
			m.say("built     %s %s for %s", p.Name, p.Version(), on)
			m.programs = append(m.programs, p)
		}
	}
	if len(m.programs) == 0 {
		return errors.New("an image needs a platform of Linux: add linux/amd64 to -platforms")
	}
	return nil
}

// version is that of the release, without a v before it.
func (m *maker) version() string { return strings.TrimPrefix(m.programs[0].Version(), "v") }

// pack makes archives, packages and the formula.
func (m *maker) pack(ctx context.Context, work string) error {
	c := pack.Contents{Version: m.version(), Documents: map[string][]byte{}}
	var err error
	if c.Licence, err = os.ReadFile(filepath.Join(m.commit.Dir, "LICENSE")); err != nil {
		return err
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "SECURITY.md"} {
		if c.Documents[name], err = os.ReadFile(filepath.Join(m.commit.Dir, name)); err != nil {
			return err
		}
	}
	if err := m.notes(string(c.Documents["CHANGELOG.md"])); err != nil {
		return err
	}
	if c.Completions, c.Pages, err = m.manual(ctx, work); err != nil {
		return err
	}
	archives := map[source.Platform]string{}
	for _, on := range m.Platforms {
		if err := m.packOne(c, on, archives); err != nil {
			return err
		}
	}
	// A formula is for what anyone can download.
	formula, err := pack.Formula(c.Version, m.Source+"/releases/download/v"+c.Version, archives)
	if err != nil {
		return err
	}
	return m.add(filepath.Join(m.Out, "trunkline.rb"), formula)
}

// packOne packs what is for one platform.
func (m *maker) packOne(c pack.Contents, on source.Platform, archives map[source.Platform]string) error {
	c.Platform, c.Bills, c.Programs = on, map[string][]byte{}, nil
	for _, p := range m.programs {
		if p.Platform != on {
			continue
		}
		text, err := bill.Of(p, nil, m.commit.Time, m.licences)
		if err != nil {
			return err
		}
		c.Programs, c.Bills[p.Name] = append(c.Programs, p), text
		name := fmt.Sprintf("%s-%s-%s-%s.spdx.json", p.Name, c.Version, on.OS, on.Arch)
		if err := m.add(filepath.Join(m.Out, name), text); err != nil {
			return err
		}
	}
	archive, err := pack.Archive(c, m.Out)
	if err != nil {
		return err
	}
	archives[on], m.files = archive, append(m.files, archive)
	m.say("packed    %s", filepath.Base(archive))
	if on.OS != "linux" {
		return nil
	}
	deb, err := pack.Debian(c, m.commit.Time, m.Out)
	if err != nil {
		return err
	}
	m.files = append(m.files, deb)
	m.say("packed    %s", filepath.Base(deb))
	return nil
}

// notes writes what the changelog says of this release, which is the text of the release at the forge.
func (m *maker) notes(changelog string) error {
	releases, err := notes.Parse(changelog)
	if err != nil {
		return fmt.Errorf("CHANGELOG.md: %w", err)
	}
	text, err := notes.Of(releases, "v"+m.version())
	if err != nil {
		return err
	}
	return write(filepath.Join(m.Out, "notes.md"), []byte(text+"\n"))
}

// manual has the program write its completions and its pages, which takes one that runs here.
func (m *maker) manual(ctx context.Context, work string) (completions, pages map[string][]byte, err error) {
	here := source.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH}
	i := slices.IndexFunc(m.programs, func(p source.Program) bool { return p.Platform == here })
	var program source.Program
	if i >= 0 {
		program = m.programs[i]
	} else if program, err = m.commit.Build(ctx, m.Packages[0], here, m.Flags, m.compiler(work), filepath.Join(work, "here")); err != nil {
		return nil, nil, err
	}
	completions = map[string][]byte{}
	for shell, name := range map[string]string{"bash": "trunkline.bash", "zsh": "_trunkline", "fish": "trunkline.fish", "powershell": "trunkline.ps1"} {
		if completions[name], err = output(ctx, program.File, "completion", shell); err != nil {
			return nil, nil, err
		}
	}
	dir := filepath.Join(work, "man")
	if _, err = output(ctx, program.File, "man", "--dir", dir); err != nil {
		return nil, nil, err
	}
	pages = map[string][]byte{}
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			pages[name], err = os.ReadFile(filepath.Join(dir, name))
		}
		return err
	})
	return completions, pages, err
}

func output(ctx context.Context, program string, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", filepath.Base(program), strings.Join(args, " "), err)
	}
	return out, nil
}

// write writes a file, and makeFolder makes a folder, that everybody may read: what is released is no secret.
func write(name string, content []byte) error {
	return os.WriteFile(name, content, 0o644) //nolint:gosec // see above
}

func makeFolder(name string) error {
	return os.MkdirAll(name, 0o755) //nolint:gosec // see above
}

// add writes a file that people download.
func (m *maker) add(name string, content []byte) error {
	m.files = append(m.files, name)
	return write(name, content)
}

// provenance is how what is made came about.
func (m *maker) provenance() ([]byte, error) {
	return attest.Made{
		Repository: m.Source, Revision: m.commit.Hash, Version: "v" + m.version(), Go: m.programs[0].Info.GoVersion, Flags: m.Flags, Zig: m.zig,
		Builder: m.Builder, Run: m.Run,
	}.Predicate()
}

// finish writes the checksums and the provenance of all files, and signs them.
func (m *maker) finish() error {
	sums, err := pack.Checksums(m.files)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		m.subjects = append(m.subjects, statement.Subject{Name: name, SHA256: sum})
	}
	predicate, err := m.provenance()
	if err != nil {
		return err
	}
	said, err := statement.New(statement.Provenance, predicate, m.subjects)
	if err != nil {
		return err
	}
	made := map[string][]byte{"checksums.txt": sums, "provenance.intoto.json": said}
	if m.key != nil {
		if made["checksums.txt.sigstore.json"], err = m.key.SignFile(sums); err != nil {
			return err
		}
		if made["provenance.sigstore.json"], err = m.key.Attest(said); err != nil {
			return err
		}
		if made["cosign.pub"], err = m.key.Public(); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if err := write(filepath.Join(m.Out, name), made[name]); err != nil {
			return err
		}
		m.say("wrote     %s", name)
	}
	return nil
}
