package attest

// SignedType is the predicate type of a statement that says no more than that its subject is signed. Cosign 3 signs images so.
const SignedType = "https://sigstore.dev/cosign/sign/v1"

// Signed states that the subject is signed.
func Signed(about Subject) (Statement, error) { return build(about, SignedType, []byte("{}")) }
