#ifndef HALFTONE_CLIENT_LIST_ALL_H_
#define HALFTONE_CLIENT_LIST_ALL_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "base/status_macros.h"

namespace halftone {

// All records of a list that comes in pages, or the first `limit` of them where that is positive.
// `list` is the call, `records` those of one page; errors are the call's.
template <typename Record, typename Request, typename List, typename Records>
absl::StatusOr<std::vector<Record>> ListAll(Request request, size_t limit, const List& list,
                                            const Records& records) {
  std::vector<Record> all;
  const auto is_full = [&] { return limit > 0 && all.size() == limit; };
  do {
    HT_ASSIGN_OR_RETURN(const auto page, list(request));
    for (const Record& record : records(page)) {
      if (is_full()) break;
      all.push_back(record);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && !is_full());
  return all;
}

}  // namespace halftone

#endif  // HALFTONE_CLIENT_LIST_ALL_H_
