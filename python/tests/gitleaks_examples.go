// Stands in for the file of gitleaks that checks its rules by examples: it writes the examples as lines of JSON.
package utils

import (
	"encoding/json"
	"iter"
	"maps"
	"os"
	"slices"
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

func detectorOf(rule config.Rule) *detect.Detector {
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
	return detect.NewDetector(settings)
}

func write(detector *detect.Detector, rule string, texts iter.Seq[string], isPositive bool) {
	for text := range texts {
		secrets := []string{}
		for _, found := range detector.Detect(detect.Fragment{Raw: text}) {
			secrets = append(secrets, found.Secret)
		}
		if err := json.NewEncoder(os.Stdout).Encode(example{rule, text, secrets, isPositive}); err != nil {
			panic(err)
		}
	}
}

func Validate(rule config.Rule, positives []string, negatives []string) *config.Rule {
	detector := detectorOf(rule)
	write(detector, rule.RuleID, slices.Values(positives), true)
	write(detector, rule.RuleID, slices.Values(negatives), false)
	return &rule
}

func ValidateWithPaths(rule config.Rule, positives map[string]string, negatives map[string]string) *config.Rule {
	detector := detectorOf(rule)
	write(detector, rule.RuleID, maps.Values(positives), true)
	write(detector, rule.RuleID, maps.Values(negatives), false)
	return &rule
}
