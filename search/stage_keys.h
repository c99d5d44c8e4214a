#ifndef HALFTONE_SEARCH_STAGE_KEYS_H_
#define HALFTONE_SEARCH_STAGE_KEYS_H_

#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "search/search_spec.h"
#include "search/table_names.h"

// The keys under which the stages of a search store their outputs: a hash of all that the output
// depends on and of the stage's version, which is raised when the meaning of its output changes.
namespace halftone {

// The key of what depends on these fields alone.
std::string HashOf(std::initializer_list<absl::string_view> fields);

// The model, what it was made of where its file leaves inputs open, and what is said of its
// outputs: the network of which all that is stored speaks.
std::string NetworkIdentity(const SearchSpec& spec);

// Of the spec's inputs_identity.
std::string InputsKey(const SearchSpec& spec);
std::string ImportKey(const SearchSpec& spec);
// Which precisions a search uses on a target, where the spec leaves it open.
std::string OfferKey(const SearchSpec& spec);
std::string CalibrateKey(const SearchSpec& spec, const std::vector<Precision>& offered);
// Of what the target says that it executes; beside the network.
std::string ExecutionKey(const SearchSpec& spec, const Offer& offer);
// `execution` here and below: of StateExecution. A target that states nothing has losses in common
// with every other one that does not.
std::string SensitivityKey(const SearchSpec& spec, const std::vector<Precision>& offered,
                           absl::string_view execution);
// The same where some choices (DominatedText) were not really measured; "" is all of them.
std::string DominatedKey(const std::string& sensitivity_key, absl::string_view dominated);
// Of what pairs of choices add, beside the sensitivities with that key.
std::string PairsKey(absl::string_view sensitivity_key);
std::string ProfileKey(const SearchSpec& spec, const std::vector<Precision>& profiled);
// All that a search stores its tables under, contents left out.
TableNames TableNamesOf(const SearchSpec& spec, Offer offer, absl::string_view execution);
// The outputs of the stages before it, by content.
std::string SolveKey(const SearchSpec& spec, absl::string_view import_output,
                     absl::string_view sensitivity_output, absl::string_view profile_output);
// Of the divergences of assignments, whatever the budgets.
std::string MeterKey(const SearchSpec& spec, absl::string_view calibrate_output,
                     absl::string_view execution);
std::string RefineKey(const SearchSpec& spec, absl::string_view calibrate_output,
                      absl::string_view execution, absl::string_view sensitivity_output,
                      absl::string_view solve_output);
// `refine_output`: "" where nothing was refined; `machine`: of the target's NetworkRunner, or "".
std::string ValidateKey(const SearchSpec& spec, absl::string_view calibrate_output,
                        absl::string_view solve_output, absl::string_view refine_output,
                        absl::string_view machine);
std::string ExportKey(const SearchSpec& spec, absl::string_view solve_output,
                      absl::string_view refine_output, absl::string_view validate_output);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STAGE_KEYS_H_
