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
	Positive bool     // whether it is to find something, if the file has the right name
}

func write(rule config.Rule, text string, isPositive bool) {
	rule.Path = nil // a line of a log has no file's name
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
	for _, found := range detect.NewDetector(settings).Detect(detect.Fragment{Raw: text}) {
		secrets = append(secrets, found.Secret)
	}
	if err := json.NewEncoder(os.Stdout).Encode(example{rule.RuleID, text, secrets, isPositive}); err != nil {
		panic(err)
	}
}

func Validate(rule config.Rule, positives []string, negatives []string) *config.Rule {
	for _, text := range positives {
		write(rule, text, true)
	}
	for _, text := range negatives {
		write(rule, text, false)
	}
	return &rule
}

func ValidateWithPaths(rule config.Rule, positives map[string]string, negatives map[string]string) *config.Rule {
	for _, text := range positives {
		write(rule, text, true)
	}
	for _, text := range negatives {
		write(rule, text, false)
	}
	return &rule
}
