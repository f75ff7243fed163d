package npm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/npm"
)

// at returns a package of a lock.
func at(lock object, place string) object {
	if place != "" {
		place = "node_modules/" + place
	}
	return lock["packages"].(object)[place].(object)
}

func TestAGoodLockIsAccepted(t *testing.T) {
	t.Parallel()
	if err := (&npm.Ecosystem{}).CheckLock(serverEntry(), folder(t, serverLock(t))); err != nil {
		t.Error(err)
	}
}

// edit is a change of one field of a package in a lock; a nil value removes it. Without a field it is the package itself that is changed, and
// the place "top" is the lock's outermost object.
type edit struct {
	place, field string
	value        any
}

func (e edit) apply(lock object) {
	in, field := lock, e.field
	switch {
	case e.place == "top":
	case e.field == "":
		in, field = lock["packages"].(object), "node_modules/"+e.place
	default:
		in = at(lock, e.place)
	}
	if e.value == nil {
		delete(in, field)
		return
	}
	in[field] = e.value
}

func TestCheckLockNamesEveryReason(t *testing.T) {
	t.Parallel()
	shared := serverReleases()[3]
	copied := object{"version": "2.1.0", "integrity": integrity(shared.tarball(t))}
	for name, test := range map[string]struct {
		edits []edit
		want  []string // each error's field below packages["node_modules/…"], a bar, and what its reason contains; none if the lock is good
	}{
		"second dependency": {
			[]edit{{"", "dependencies", object{"@corp/server": "2.0.0", "left": "*"}}},
			[]string{"/packages[\"\"].dependencies|nothing else"},
		},
		"development packages":  {[]edit{{"", "devDependencies", object{"left": "*"}}}, []string{"/packages[\"\"].devDependencies|is not empty"}},
		"another lock format":   {[]edit{{"top", "lockfileVersion", 2}}, []string{"/lockfileVersion|is 2, want 3"}},
		"a field of format 2":   {[]edit{{"top", "dependencies", object{}}}, []string{"/dependencies|no such field"}},
		"field in another case": {[]edit{{"top", "Packages", object{}}}, []string{"/Packages|no such field"}},
		"no packages":           {[]edit{{"top", "packages", nil}}, []string{"/packages[\"\"]|is missing"}},
		"no root":               {[]edit{{"top", "packages", object{"node_modules/x": copied}}}, []string{"/packages[\"\"]|is missing"}},

		"no hash":             {[]edit{{"left", "integrity", nil}}, []string{"left.integrity|is missing"}},
		"weak hash":           {[]edit{{"left", "integrity", "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="}}, []string{"left.integrity|want a sha512"}},
		"broken hash":         {[]edit{{"left", "integrity", "sha512-AAAA"}}, []string{"left.integrity|want a sha512"}},
		"hash is a number":    {[]edit{{"left", "integrity", 7}}, []string{"left.integrity|is not a string"}},
		"another host":        {[]edit{{"left", "resolved", "https://evil.test/left.tgz"}}, []string{"left.resolved|names where to fetch"}},
		"git":                 {[]edit{{"left", "resolved", "git+ssh://git@evil.test/left.git#a"}}, []string{"left.resolved|names where to fetch"}},
		"file":                {[]edit{{"left", "resolved", "file:../left"}}, []string{"left.resolved|names where to fetch"}},
		"link":                {[]edit{{"left", "link", true}}, []string{"left.link|a link to a folder"}},
		"range for a version": {[]edit{{"shared", "version", "^2.0.0"}}, []string{"shared.version|want one exact"}},
		"version with a path": {
			[]edit{{"windows", "version", "1.0.0/../../x"}},
			[]string{"windows.version|want one exact", "@corp/server.optionalDependencies|wants windows"},
		},
		"middling hash": {
			[]edit{{"left", "integrity", "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}},
			[]string{"left.integrity|want a sha512"},
		},

		"missing dependency": {
			[]edit{{"shared", "", nil}},
			[]string{"@corp/server.dependencies|wants shared ^2.0.0, which the lock does not have"},
		},
		"wrong dependency": {
			[]edit{{"left/node_modules/shared", "", nil}},
			[]string{"left.dependencies|wants shared ~1.0.0, but the lock has 2.1.0"},
		},
		"disguised dependency": {
			[]edit{{"shared", "name", "evil"}},
			[]string{"@corp/server.dependencies|wants shared, but the lock has evil"},
		},
		"unwanted package": {[]edit{{"evil", "", copied}}, []string{"evil|is wanted by no package"}},
		"lies in nothing": {
			[]edit{{"evil/node_modules/x", "", copied}},
			[]string{"evil/node_modules/x|does not have", "evil/node_modules/x|is wanted by no package"},
		},
		"bundled in the root": {[]edit{{"left", "inBundle", true}}, []string{"left.inBundle|lies inside none"}},
		"git dependency": {
			[]edit{{"left", "dependencies", object{"shared": "git+https://evil.test/x"}}},
			[]string{"left.dependencies|wants shared git+https"},
		},
		"tag":                   {[]edit{{"left", "dependencies", object{"shared": "latest"}}}, nil},
		"optional is not there": {[]edit{{"native-x64", "", nil}}, nil},
		"peer is not there":     {[]edit{{"left", "peerDependencies", object{"react": "*"}}}, []string{"left.peerDependencies|wants react"}},
		"optional peer is not there": {
			[]edit{{"left", "peerDependencies", object{"react": "*"}}, {"left", "peerDependenciesMeta", object{"react": object{"optional": true}}}},
			nil,
		},
		"peer in another version": {[]edit{{"left", "peerDependencies", object{"bundler": "^7.0.0"}}}, nil},
		"alias": {
			[]edit{{"left", "dependencies", object{"shared": "npm:@other/x@~1.0.0"}}, {"left/node_modules/shared", "name", "@other/x"}},
			nil,
		},
		"alias of another name": {
			[]edit{{"left", "dependencies", object{"shared": "npm:@other/x@~1.0.0"}}},
			[]string{"left.dependencies|wants @other/x, but the lock has shared"},
		},
		"install script": {[]edit{{"left", "hasInstallScript", true}}, []string{`left.hasInstallScript|installScripts: [{package: "left"`}},
		"several at once": {
			[]edit{{"left", "integrity", nil}, {"shared", "link", true}},
			[]string{"left.integrity|is missing", "shared.link|a link"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lock := serverLock(t)
			for _, e := range test.edits {
				e.apply(lock)
			}
			expect(t, (&npm.Ecosystem{}).CheckLock(serverEntry(), folder(t, lock)), test.want)
		})
	}
}

func TestCheckLockHoldsTheLockAgainstTheEntry(t *testing.T) {
	t.Parallel()
	override := func(name, version string) func(*entry.Entry) {
		return func(e *entry.Entry) { e.Overrides = []entry.Override{{Package: name, Version: version, Reason: "r"}} }
	}
	script := func(name string) func(*entry.Entry) {
		return func(e *entry.Entry) { e.InstallScripts = []entry.InstallScript{{Package: name, Reason: "r"}} }
	}
	for name, test := range map[string]struct {
		change func(*entry.Entry)
		edits  []edit
		want   []string
	}{
		"other version": {
			func(e *entry.Entry) { e.Package.Version = "2.0.1" }, nil,
			[]string{"/packages[\"\"].dependencies|wants @corp/server 2.0.1", "@corp/server.version|wants @corp/server 2.0.1"},
		},
		"other package": {
			func(e *entry.Entry) { e.Package.Name = "left" }, nil,
			[]string{"/packages[\"\"].dependencies|wants left 2.0.0", "left.version|wants left 2.0.0"},
		},
		"script that is not needed": {script("left"), []edit{{"left", "hasInstallScript", true}}, nil},
		"script of nothing":         {script("gone"), nil, []string{"/|installScripts[0] is of gone"}},
		"override in effect":        {override("bundler", "1.0.0"), nil, nil},
		"override out of range":     {override("bundler", "9.0.0"), []edit{{"bundler", "version", "9.0.0"}}, nil},
		"override of a part": {
			override("shared", "2.1.0"), nil, []string{"left/node_modules/shared.version|overrides shared with 2.1.0"},
		},
		"override of nothing": {override("gone", "1.0.0"), nil, []string{"/|overrides[0] is of gone"}},
		"override of itself":  {override("@corp/server", "2.0.0"), nil, []string{"/|set package.version instead"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, lock := serverEntry(), serverLock(t)
			test.change(&e)
			for _, edit := range test.edits {
				edit.apply(lock)
			}
			expect(t, (&npm.Ecosystem{}).CheckLock(e, folder(t, lock)), test.want)
		})
	}
}

func TestPathsThatLeadElsewhereAreRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"../x", "/etc/passwd", "node_modules/../x", "node_modules/x/../../../y", "node_modules/.bin", "node_modules/x/", "node_modules//x", "packages/x",
		"node_modules/@scope", "node_modules/@scope/../x", "node_modules/x/lib", `node_modules\x`, "node_modules/x\x00y", "node_modules/node_modules",
		"node_modules/" + strings.Repeat("x", 1<<20), "node_modules/a/node_modules/.", strings.Repeat("node_modules/a/", 1000) + "node_modules/a",
	} {
		lock := serverLock(t)
		lock["packages"].(object)[path] = at(lock, "shared")
		err := (&npm.Ecosystem{}).CheckLock(serverEntry(), folder(t, lock))
		if err == nil || !strings.Contains(err.Error(), "is not a path of the form") {
			t.Errorf("%.50q: %.300v", path, err)
		} else if len(err.Error()) > 2000 {
			t.Errorf("%.50q: the error has %d bytes", path, len(err.Error()))
		}
	}
}

func TestTextThatIsNoLockIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                 "line 1",
		"{":                                "unexpected EOF",
		"[]":                               "is not an object",
		"null":                             "want 3",
		`{"a":1,"a":2}`:                    `"a" is given twice`,
		`{"a":{"x":1,"\u0078":2}}`:         `"x" is given twice`,
		"{}\n{}":                           "line 2: something follows",
		"{\"a\":\"\xff\"}":                 "not valid UTF-8",
		strings.Repeat("[", 100000):        "deep inside each other",
		`{"packages":[]}`:                  "packages: is not an object",
		`{"packages":{"":7}}`:              "is not an object",
		strings.Repeat(" ", 17<<20) + "{}": "larger than",
		`{"lockfileVersion":3.0,"packages":{"":{}}}`: "lockfileVersion: is 3.0",
	} {
		err := (&npm.Ecosystem{}).CheckLock(serverEntry(), fstest.MapFS{npm.LockFile: {Data: []byte(text)}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	err := (&npm.Ecosystem{}).CheckLock(serverEntry(), fstest.MapFS{})
	if err == nil || !strings.Contains(err.Error(), "catalogctl lock server") {
		t.Errorf("no lock: %v", err)
	}
}

// largeLock returns the lock of a chain of packages, each of which wants the next few.
func largeLock(tb testing.TB, size int) object {
	one := release{manifest: object{"name": "p0", "version": "1.0.0"}}
	hash := integrity(one.tarball(tb))
	packages := object{"": object{"name": "server", "version": "0.0.0", "dependencies": object{"@corp/server": "2.0.0"}}}
	for i := range size {
		name, dependencies := fmt.Sprintf("p%d", i), object{}
		if i == 0 {
			name = "@corp/server"
		}
		for next := i + 1; next < min(i+5, size); next++ {
			dependencies[fmt.Sprintf("p%d", next)] = "^2.0.0 || >=1.0.0 <3"
		}
		packages["node_modules/"+name] = object{"version": "2.0.0", "integrity": hash, "dependencies": dependencies, "license": "MIT"}
	}
	return object{"name": "server", "version": "0.0.0", "lockfileVersion": 3, "requires": true, "packages": packages}
}

func BenchmarkCheckLock500(b *testing.B) {
	dir := folder(b, largeLock(b, 500))
	for b.Loop() {
		if err := (&npm.Ecosystem{}).CheckLock(serverEntry(), dir); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzCheckLock(f *testing.F) {
	data, err := folder(f, serverLock(f)).(fstest.MapFS).ReadFile(npm.LockFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"lockfileVersion":3,"packages":{"":{"dependencies":{"@corp/server":"2.0.0"}},
		"node_modules/@corp/server":{"version":"2.0.0","peerDependencies":{"a":"npm:b@1"}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		err := (&npm.Ecosystem{}).CheckLock(serverEntry(), fstest.MapFS{npm.LockFile: {Data: data}})
		var lockError *kind.LockError
		if err != nil && !errors.As(err, &lockError) {
			t.Errorf("%v is no error of the lock", err)
		}
	})
}
