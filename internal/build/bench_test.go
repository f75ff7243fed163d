package build_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/slipway-dev/slipway/internal/build"
)

func BenchmarkTwoPlatformsWithCachedLayers(b *testing.B) {
	for _, unchanged := range []bool{false, true} {
		b.Run(fmt.Sprintf("unchanged=%t", unchanged), func(b *testing.B) {
			in := input(b, b.TempDir(), b.TempDir())
			for i := range in.Platforms {
				in.Platforms[i].Payload = payload("large-"+in.Platforms[i].Platform.Architecture, 50<<20)
			}
			mustBuild(b, in)
			for i := 0; b.Loop(); i++ {
				if !unchanged {
					in.Entry.Revision = i%2 + 1
					in.Entry.Title = strconv.Itoa(i)
				}
				if mustBuild(b, in).Unchanged != unchanged {
					b.Fatal("unexpected layout")
				}
			}
		})
	}
}

func BenchmarkOpenOfTwoPlatforms(b *testing.B) {
	in := input(b, b.TempDir(), b.TempDir())
	var compressed int64
	for i := range in.Platforms {
		random := make([]byte, 50<<20) // which gzip cannot make smaller
		rand.NewChaCha8([32]byte{byte(i)}).Read(random)
		in.Platforms[i].Payload = payloadOf(in.Platforms[i].Platform.Architecture, string(random))
	}
	result := mustBuild(b, in)
	for _, p := range result.Platforms {
		compressed += p.Size
	}
	b.SetBytes(compressed)
	for b.Loop() {
		if _, err := build.Open(b.Context(), result.Path); err != nil {
			b.Fatal(err)
		}
	}
}
