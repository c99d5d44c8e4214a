#ifndef HALFTONE_SEARCH_HEADS_REPORT_H_
#define HALFTONE_SEARCH_HEADS_REPORT_H_

#include <string>

#include "search/result.h"

namespace halftone {

// As what each output counts, why, and what was measured of it, as a section of a page; "" for
// results of older versions, which did not note it.
std::string RenderHeads(const SearchResult& result);

// Whether all outputs that count are class scores, so that divergences are KL.
bool CountsByKl(const SearchResult& result);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_HEADS_REPORT_H_
