package change

import (
	"crypto/sha256"
	"encoding/binary"
)

// Shard returns which of n shards an entry belongs to, from 0. It depends on the entry's name alone, so that an entry stays where its files
// are cached, whatever else changed with it. With fewer than two shards it is 0.
func (n Name) Shard(shards int) int {
	if shards < 2 {
		return 0
	}
	sum := sha256.Sum256([]byte(n.ID()))
	return int(binary.BigEndian.Uint64(sum[:8]) % uint64(shards)) //nolint:gosec // below shards, an int
}
