// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"fmt"

	"trunkline.dev/trunkline/render/code"
)

// Evaluate asks for the value of code: in which language, where it begins, and what it is given.
const Evaluate = "evaluate"

// EncodeEvaluate is the request for a job, to a process that may take so much memory, in bytes.
func EncodeEvaluate(job code.Job, memory int64) [][]byte {
	return [][]byte{[]byte(Evaluate), fmt.Append(nil, memory), []byte(job.Language), []byte(job.Entry), job.Given}
}

// EvaluateWith answers such requests by the languages that there are.
func EvaluateWith(languages map[string]code.Language) Handler {
	return func(request [][]byte, ask Asker) ([][]byte, error) {
		if len(request) != 3 {
			return nil, ErrFrame
		}
		language := languages[string(request[0])]
		if language == nil {
			return nil, fmt.Errorf("this program does not know the language %q", request[0])
		}
		value, err := code.Run(language, code.Job{
			Language: string(request[0]), Entry: string(request[1]), Given: request[2],
			Ask: func(name string) code.Entry {
				kind, data := ask(name)
				return code.Entry{Kind: code.Kind(kind), Data: data}
			},
		})
		if err != nil {
			return nil, err
		}
		return [][]byte{value}, nil
	}
}
