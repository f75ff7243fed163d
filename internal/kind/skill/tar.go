package skill

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/gzip"
	"github.com/stacklok/toolhive-core/oci/artifact"
)

// Modes of files in the archive. ToolHive's installer drops the right to execute; other clients keep it.
const (
	plainMode      = 0o644
	executableMode = 0o755
)

// pack returns a skill's files as the tar that ToolHive unpacks, the same bytes for the same files.
func pack(files []file) ([]byte, error) {
	entries := make([]artifact.FileEntry, len(files))
	for i, f := range files {
		entries[i] = artifact.FileEntry{Path: f.path, Content: f.content, Mode: plainMode}
		if f.executable {
			entries[i].Mode = executableMode
		}
	}
	return artifact.CreateTar(entries, artifact.DefaultTarOptions())
}

// unpack reads what pack wrote.
func unpack(tar []byte) ([]file, error) {
	entries, err := artifact.ExtractTarWithLimit(tar, maxBytes)
	if err != nil {
		return nil, err
	}
	if len(entries) > maxFiles {
		return nil, fmt.Errorf("it holds more than %d files", maxFiles)
	}
	files := make([]file, len(entries))
	for i, e := range entries {
		files[i] = file{path: e.Path, executable: e.Mode == executableMode, content: e.Content}
	}
	return files, nil
}

// compress packs the tar with the compressor that go.mod pins, so that the digest outlives a release of Go. The header names no time and
// no system.
func compress(tar []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(tar); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}
