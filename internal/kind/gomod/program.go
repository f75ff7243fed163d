package gomod

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/kind"
)

// program is a compiled command, as it is kept: a file named by its digest, and under the key of what it was made from a record that says which.
type program struct {
	Key        string           `json:"key"`
	Digest     string           `json:"digest"` // SHA-256 in hex
	Size       int64            `json:"size"`
	Components []kind.Component `json:"components"` // modules and the standard library

	file string
}

// program returns the command that was compiled from a source before, or compiles it.
func (g *Ecosystem) program(ctx context.Context, s *source) (*program, error) {
	key := s.key()
	found, err := g.compiles.Do(ctx, key, func() (*program, error) {
		if p := g.kept(key); p != nil {
			return p, nil
		}
		return g.compile(ctx, s)
	})
	if err != nil {
		return nil, err
	}
	own := *found // others may have got the same one
	own.Components = append([]kind.Component(nil), found.Components...)
	return &own, nil
}

func (g *Ecosystem) recordPath(key string) string { return filepath.Join(g.dir, "keys", key+".json") }

func (g *Ecosystem) programPath(digest string) string { return filepath.Join(g.dir, "sha256", digest) }

// kept returns nil if there is no such program or if it is damaged: then it is compiled again.
func (g *Ecosystem) kept(key string) *program {
	data, err := os.ReadFile(g.recordPath(key))
	if err != nil {
		return nil
	}
	p := &program{}
	if json.Unmarshal(data, p) != nil || p.Key != key || len(p.Digest) != 2*sha256.Size {
		return nil
	}
	p.file = g.programPath(p.Digest)
	file, err := os.Open(p.file)
	if err != nil {
		return nil
	}
	defer file.Close()
	hash := sha256.New()
	if n, err := io.Copy(hash, io.LimitReader(file, p.Size+1)); err != nil || n != p.Size || hex.EncodeToString(hash.Sum(nil)) != p.Digest {
		return nil
	}
	return p
}

// keep moves a compiled file to where kept looks for it.
func (g *Ecosystem) keep(compiled string, p *program) error {
	in, err := os.Open(compiled)
	if err != nil {
		return fmt.Errorf("go has written no binary: %w", err)
	}
	defer in.Close()
	out, err := g.partial.Create()
	if err != nil {
		return fmt.Errorf("cannot keep the binary: %w", err)
	}
	defer out.Discard()
	hash := sha256.New()
	if p.Size, err = io.Copy(io.MultiWriter(out, hash), in); err != nil {
		return fmt.Errorf("cannot keep the binary: %w", err)
	}
	p.Digest = hex.EncodeToString(hash.Sum(nil))
	p.file = g.programPath(p.Digest)
	if err := out.Install(p.file); err != nil {
		return fmt.Errorf("cannot keep the binary: %w", err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	record, err := g.partial.Create()
	if err != nil {
		return fmt.Errorf("cannot keep the binary: %w", err)
	}
	defer record.Discard()
	if _, err := record.Write(data); err != nil {
		return fmt.Errorf("cannot keep the binary: %w", err)
	}
	return record.Install(g.recordPath(p.Key))
}
