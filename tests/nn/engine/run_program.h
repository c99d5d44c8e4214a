#ifndef HALFTONE_TESTS_NN_ENGINE_RUN_PROGRAM_H_
#define HALFTONE_TESTS_NN_ENGINE_RUN_PROGRAM_H_

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "nn/engine/executor.h"
#include "nn/engine/program.h"

namespace halftone {

using NamedFloats = std::map<std::string, std::vector<float>>;

// Compiles what computes `outputs` and runs it once on `inputs`.
inline absl::StatusOr<NamedFloats> RunProgram(
    const ProgramBuilder& builder, const std::vector<std::pair<std::string, ValueId>>& outputs,
    const NamedFloats& inputs) {
  HT_ASSIGN_OR_RETURN(auto executable, Executable::Compile(builder.Build(outputs)));
  HT_ASSIGN_OR_RETURN(auto session, Session::Create(executable));
  for (const auto& [name, values] : inputs) {
    HT_RETURN_IF_ERROR(session->SetInput(name, values));
  }
  HT_RETURN_IF_ERROR(session->Run());
  NamedFloats results;
  for (const auto& [name, value] : outputs) {
    HT_ASSIGN_OR_RETURN(absl::Span<const float> values, session->Output(name));
    results[name].assign(values.begin(), values.end());
  }
  return results;
}

// Accumulated in double, so that tests measure the engine and not themselves.
inline double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}
inline double Norm(const std::vector<float>& a) { return std::sqrt(Dot(a, a)); }

// ||a - b|| / ||b||, or ||a - b|| where b is zero.
inline double RelativeError(const std::vector<float>& a, const std::vector<float>& b) {
  double squares = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    squares += difference * difference;
  }
  const double norm = Norm(b);
  return norm > 0 ? std::sqrt(squares) / norm : std::sqrt(squares);
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ENGINE_RUN_PROGRAM_H_
