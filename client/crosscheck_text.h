#ifndef HALFTONE_CLIENT_CROSSCHECK_TEXT_H_
#define HALFTONE_CLIENT_CROSSCHECK_TEXT_H_

#include <map>
#include <string>

#include "halftone/v1/job.pb.h"

namespace halftone {

// The scores of a crosscheck as a table, and where the artifacts are: file name -> path.
std::string CrosscheckText(const v1::SearchResult& result,
                           const std::map<std::string, std::string>& artifacts);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_CROSSCHECK_TEXT_H_
