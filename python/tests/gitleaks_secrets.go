// Stands in for the file of gitleaks that makes its examples at random: of a number these are always the same.
package secrets

import (
	"os"
	"strconv"

	"github.com/lucasjones/reggen"
)

var made int64

func NewSecret(pattern string) string {
	generator, err := reggen.NewGenerator(pattern)
	if err != nil {
		panic(err)
	}
	number, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		panic(err)
	}
	made++
	generator.SetSeed(number<<32 + made)
	return generator.Generate(1)
}
