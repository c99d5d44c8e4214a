#ifndef HALFTONE_CLIENT_RESULT_TEXT_H_
#define HALFTONE_CLIENT_RESULT_TEXT_H_

#include <map>
#include <string>

#include "halftone/v1/job.pb.h"
#include "nlohmann/json.hpp"

namespace halftone {

// The result's JSON document with the job's name, the Solution's fields at the top (`loss`, `gap`,
// `cost` and `assignment` those of the answer that was chosen), and where the artifacts are: file
// name -> path (or resource name where not downloaded).
nlohmann::json ResultToJson(const v1::SearchResult& result,
                            const std::map<std::string, std::string>& artifacts);
// The same as tables, with what was measured and proven.
std::string ResultText(const v1::SearchResult& result,
                       const std::map<std::string, std::string>& artifacts);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_RESULT_TEXT_H_
