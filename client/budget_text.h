#ifndef HALFTONE_CLIENT_BUDGET_TEXT_H_
#define HALFTONE_CLIENT_BUDGET_TEXT_H_

#include <string>
#include <vector>

#include "google/protobuf/repeated_ptr_field.h"
#include "halftone/v1/types.pb.h"
#include "nlohmann/json.hpp"

namespace halftone {

// How the budgets of a request are understood, a line each: "budget       latency=0.5: at most 0.50
// ns". Relative ones in units, with what they refer to, where the answer's document has that.
std::string BudgetsText(const google::protobuf::RepeatedPtrField<v1::Budget>& budgets,
                        const nlohmann::json& document);
// The same of a search's relative budgets, as its document has them.
std::string RelativeBudgetsText(const nlohmann::json& document);

// Of budgets that are less than a hundredth of the least that any assignment needs: what was
// understood, and what may have been meant. `infeasible` is as in a solution's document.
std::vector<std::string> BudgetWarnings(
    const google::protobuf::RepeatedPtrField<v1::Budget>& budgets,
    const nlohmann::json& infeasible);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_BUDGET_TEXT_H_
