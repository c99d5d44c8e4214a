#ifndef HALFTONE_NN_GRAPH_REWRITES_ATTEND_H_
#define HALFTONE_NN_GRAPH_REWRITES_ATTEND_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "nn/graph/rewrites/parts_builder.h"

// What the forms of attention (Vaswani et al., 2017) share. Values of heads are [batch, heads,
// tokens, size].
namespace halftone {

// [batch, tokens, heads * size] as heads, and back.
std::string SplitHeads(const std::string& src, int64_t heads, int64_t size, PartsBuilder& builder);
std::string JoinHeads(const std::string& src, int64_t width, PartsBuilder& builder);

// queries keys' * scale: [batch, heads, tokens of queries, tokens of keys].
std::string WriteScores(const std::string& queries, const std::string& keys, float scale,
                        PartsBuilder& builder);
// softmax(scores) values.
std::string WriteMixture(const std::string& probabilities, const std::string& values,
                         PartsBuilder& builder);

// What is added to the score of a key that a query must not see, by their positions.
struct SeenKeys {
  int64_t queries = 0, keys = 0;
  int64_t offset = 0;  // position of the first query among the keys
  int64_t left = -1;   // how many keys before a query it sees; -1: all
  int64_t right = -1;  // and after it

  bool IsUnlimited() const { return left < 0 && right < 0; }
  // RESOURCE_EXHAUSTED for more positions than masks are made for.
  absl::Status Check() const;
  // [queries, keys]: 0 for what is seen, `hidden` elsewhere.
  Tensor Bias(float hidden) const;
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_REWRITES_ATTEND_H_
