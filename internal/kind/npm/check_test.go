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

func TestCheckLockNamesEveryReason(t *testing.T) {
	t.Parallel()
	overriding := func(name, version string) func(*entry.Entry) {
		return func(e *entry.Entry) { e.Overrides = []entry.Override{{Package: name, Version: version, Reason: "r"}} }
	}
	for name, test := range map[string]struct {
		lock  func(object)
		entry func(*entry.Entry)
		want  []string // each error's field, a space, and what its reason contains; nil if the lock is good
	}{
		"other version in the entry": {entry: func(e *entry.Entry) { e.Package.Version = "2.0.1" }, want: []string{
			`packages[""].dependencies wants @corp/server 2.0.1`, `packages["node_modules/@corp/server"].version wants @corp/server 2.0.1`,
		}},
		"second dependency":     {lock: func(l object) { at(l, "")["dependencies"].(object)["left"] = "*" }, want: []string{`packages[""].dependencies nothing else`}},
		"development packages":  {lock: func(l object) { at(l, "")["devDependencies"] = object{"left": "*"} }, want: []string{`packages[""].devDependencies is not empty`}},
		"another lock format":   {lock: func(l object) { l["lockfileVersion"] = 2 }, want: []string{`lockfileVersion is 2, want 3`}},
		"a field of format 2":   {lock: func(l object) { l["dependencies"] = object{} }, want: []string{`dependencies no such field`}},
		"field in another case": {lock: func(l object) { l["Packages"] = object{} }, want: []string{`Packages no such field`}},
		"no root":               {lock: func(l object) { delete(l["packages"].(object), "") }, want: []string{`packages[""] is missing`}},
		"no packages":           {lock: func(l object) { delete(l, "packages") }, want: []string{`packages[""] is missing`}},
		"no hash":               {lock: func(l object) { delete(at(l, "left"), "integrity") }, want: []string{`packages["node_modules/left"].integrity is missing`}},
		"weak hash":             {lock: func(l object) { at(l, "left")["integrity"] = "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" }, want: []string{`packages["node_modules/left"].integrity want a sha512`}},
		"middling hash":         {lock: func(l object) { at(l, "left")["integrity"] = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }, want: []string{`packages["node_modules/left"].integrity want a sha512`}},
		"broken hash":           {lock: func(l object) { at(l, "left")["integrity"] = "sha512-AAAA" }, want: []string{`packages["node_modules/left"].integrity want a sha512`}},
		"hash is a number":      {lock: func(l object) { at(l, "left")["integrity"] = 7 }, want: []string{`packages["node_modules/left"].integrity is not a string`}},
		"another host":          {lock: func(l object) { at(l, "left")["resolved"] = "https://evil.test/left.tgz" }, want: []string{`packages["node_modules/left"].resolved names where to fetch`}},
		"git":                   {lock: func(l object) { at(l, "left")["resolved"] = "git+ssh://git@evil.test/left.git#abc" }, want: []string{`packages["node_modules/left"].resolved names where to fetch`}},
		"file":                  {lock: func(l object) { at(l, "left")["resolved"] = "file:../left" }, want: []string{`packages["node_modules/left"].resolved names where to fetch`}},
		"link":                  {lock: func(l object) { at(l, "left")["link"] = true }, want: []string{`packages["node_modules/left"].link a link to a folder`}},
		"range for a version":   {lock: func(l object) { at(l, "shared")["version"] = "^2.0.0" }, want: []string{`packages["node_modules/shared"].version want one exact`}},
		"version with a path":   {lock: func(l object) { at(l, "windows")["version"] = "1.0.0/../../x" }, want: []string{`packages["node_modules/windows"].version want one exact`, `packages["node_modules/@corp/server"].optionalDependencies wants windows`}},
		"missing dependency":    {lock: func(l object) { delete(l["packages"].(object), "node_modules/shared") }, want: []string{`packages["node_modules/@corp/server"].dependencies wants shared ^2.0.0, which the lock does not have`}},
		"wrong dependency":      {lock: func(l object) { delete(l["packages"].(object), "node_modules/left/node_modules/shared") }, want: []string{`packages["node_modules/left"].dependencies wants shared ~1.0.0, but the lock has 2.1.0`}},
		"disguised dependency":  {lock: func(l object) { at(l, "shared")["name"] = "evil" }, want: []string{`packages["node_modules/@corp/server"].dependencies wants shared, but the lock has evil`}},
		"unwanted package":      {lock: func(l object) { l["packages"].(object)["node_modules/evil"] = at(l, "shared") }, want: []string{`packages["node_modules/evil"] is wanted by no package`}},
		"lies in nothing": {lock: func(l object) { l["packages"].(object)["node_modules/evil/node_modules/x"] = at(l, "shared") }, want: []string{
			`packages["node_modules/evil/node_modules/x"] does not have`, `packages["node_modules/evil/node_modules/x"] is wanted by no package`,
		}},
		"bundled in the root":   {lock: func(l object) { at(l, "left")["inBundle"] = true }, want: []string{`packages["node_modules/left"].inBundle lies inside none`}},
		"optional is not there": {lock: func(l object) { delete(l["packages"].(object), "node_modules/native-x64") }},
		"peer is not there":     {lock: func(l object) { at(l, "left")["peerDependencies"] = object{"react": "*"} }, want: []string{`packages["node_modules/left"].peerDependencies wants react`}},
		"optional peer is not there": {lock: func(l object) {
			at(l, "left")["peerDependencies"] = object{"react": "*"}
			at(l, "left")["peerDependenciesMeta"] = object{"react": object{"optional": true}}
		}},
		"peer in another version": {lock: func(l object) { at(l, "left")["peerDependencies"] = object{"bundler": "^7.0.0"} }},
		"alias": {lock: func(l object) {
			at(l, "left")["dependencies"] = object{"shared": "npm:@other/name@~1.0.0"}
			at(l, "left/node_modules/shared")["name"] = "@other/name"
		}},
		"alias of another name": {lock: func(l object) { at(l, "left")["dependencies"] = object{"shared": "npm:@other/name@~1.0.0"} }, want: []string{
			`packages["node_modules/left"].dependencies wants @other/name, but the lock has shared`,
		}},
		"git dependency":        {lock: func(l object) { at(l, "left")["dependencies"] = object{"shared": "git+https://evil.test/x"} }, want: []string{`packages["node_modules/left"].dependencies wants shared git+https`}},
		"tag":                   {lock: func(l object) { at(l, "left")["dependencies"] = object{"shared": "latest"} }},
		"install script":        {lock: func(l object) { at(l, "left")["hasInstallScript"] = true }, want: []string{`packages["node_modules/left"].hasInstallScript installScripts: [{package: "left"`}},
		"declared script":       {lock: func(l object) { at(l, "left")["hasInstallScript"] = true }, entry: func(e *entry.Entry) { e.InstallScripts = []entry.InstallScript{{Package: "left"}} }},
		"script of nothing":     {entry: func(e *entry.Entry) { e.InstallScripts = []entry.InstallScript{{Package: "gone"}} }, want: []string{` installScripts[0] is of gone`}},
		"override in effect":    {entry: overriding("bundler", "1.0.0")},
		"override out of range": {entry: overriding("bundler", "9.0.0"), lock: func(l object) { at(l, "bundler")["version"] = "9.0.0" }},
		"override ignored":      {entry: overriding("shared", "2.1.0"), want: []string{`packages["node_modules/left/node_modules/shared"].version overrides shared with 2.1.0`}},
		"override of nothing":   {entry: overriding("gone", "1.0.0"), want: []string{` overrides[0] is of gone`}},
		"override of itself":    {entry: overriding("@corp/server", "2.0.0"), want: []string{` set package.version instead`}},
		"several at once": {lock: func(l object) { delete(at(l, "left"), "integrity"); at(l, "shared")["link"] = true }, want: []string{
			`packages["node_modules/left"].integrity is missing`, `packages["node_modules/shared"].link a link`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, lock := serverEntry(), serverLock(t)
			if test.entry != nil {
				test.entry(&e)
			}
			if test.lock != nil {
				test.lock(lock)
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

// expect compares an error's parts with what they should say.
func expect(t *testing.T, err error, want []string) {
	t.Helper()
	var parts []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		parts = joined.Unwrap()
	} else if err != nil {
		parts = []error{err}
	}
	left := map[string]bool{}
	for _, w := range want {
		left[w] = true
	}
	for _, part := range parts {
		var lockError *kind.LockError
		if !errors.As(part, &lockError) || lockError.File != npm.LockFile {
			t.Errorf("%v is no error of the lock", part)
			continue
		}
		found := false
		for w := range left {
			// The field may hold spaces only inside quotes, which no test's does.
			field, reason, _ := strings.Cut(w, " ")
			if lockError.Field == field && strings.Contains(lockError.Reason, reason) {
				delete(left, w)
				found = true
				break
			}
		}
		if !found {
			t.Errorf("not expected: %v", part)
		}
	}
	for w := range left {
		t.Errorf("missing: %s", w)
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
	f.Add([]byte(`{"lockfileVersion":3,"packages":{"":{"dependencies":{"@corp/server":"2.0.0"}},"node_modules/@corp/server":{"version":"2.0.0","peerDependencies":{"a":"npm:b@1"}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		err := (&npm.Ecosystem{}).CheckLock(serverEntry(), fstest.MapFS{npm.LockFile: {Data: data}})
		var lockError *kind.LockError
		if err != nil && !errors.As(err, &lockError) {
			t.Errorf("%v is no error of the lock", err)
		}
	})
}
