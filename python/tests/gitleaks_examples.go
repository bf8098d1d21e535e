// Stands in for the file of gitleaks that checks its rules by examples: it writes the examples as lines of JSON.
package utils

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/zricethezav/gitleaks/v8/cmd/generate/config/base"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
)

type example struct {
	Rule     string
	Text     string
	Secrets  []string // what the rule finds in the text
	Positive bool     // whether it is to find something
}

func write(rule config.Rule, path string, text string, isPositive bool) {
	for i, keyword := range rule.Keywords {
		rule.Keywords[i] = strings.ToLower(keyword)
	}
	settings := base.CreateGlobalConfig()
	settings.Rules = map[string]config.Rule{rule.RuleID: rule}
	settings.Keywords = map[string]struct{}{}
	for _, keyword := range rule.Keywords {
		settings.Keywords[keyword] = struct{}{}
	}
	for _, allowed := range settings.Allowlists {
		if err := allowed.Validate(); err != nil {
			panic(err)
		}
	}
	secrets := []string{}
	for _, found := range detect.NewDetector(settings).Detect(detect.Fragment{Raw: text, FilePath: path}) {
		secrets = append(secrets, found.Secret)
	}
	if err := json.NewEncoder(os.Stdout).Encode(example{rule.RuleID, text, secrets, isPositive}); err != nil {
		panic(err)
	}
}

func Validate(rule config.Rule, positives []string, negatives []string) *config.Rule {
	for _, text := range positives {
		write(rule, "", text, true)
	}
	for _, text := range negatives {
		write(rule, "", text, false)
	}
	return &rule
}

func ValidateWithPaths(rule config.Rule, positives map[string]string, negatives map[string]string) *config.Rule {
	for path, text := range positives {
		write(rule, path, text, true)
	}
	for path, text := range negatives {
		write(rule, path, text, false)
	}
	return &rule
}
