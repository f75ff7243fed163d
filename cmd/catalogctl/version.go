package main

import "runtime/debug"

// version is the module's version as the Go command recorded it, with the commit where it was built in a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && text == "(devel)" {
			return "devel+" + setting.Value
		}
	}
	return text
}
