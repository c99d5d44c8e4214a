#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/rewrites/rewrite.h"

namespace halftone {
namespace {

// The matrices of rotations and cameras. Larger ones need pivots, which their values choose.
constexpr int64_t kLargestMatrix = 4;

// Laplace's expansion, whose derivative holds for singular matrices too. Determinants of the lower
// rows are shared by all above.
class Expansion {
 public:
  Expansion(const std::string& matrices, const Shape& shape, PartsBuilder& builder)
      : matrices_(matrices), shape_(shape), builder_(builder) {}

  // Of the rows from `row` on, in the columns whose bits are set: as many.
  std::string Minor(int64_t row, unsigned columns) {
    std::string& minor = minors_[columns];
    if (!minor.empty()) return minor;
    std::string sum;
    bool is_added = true;
    for (int64_t column = 0; column < Size(); ++column) {
      const unsigned bit = 1u << column;
      if ((columns & bit) == 0) continue;
      std::string term = Element(row, column);
      if (columns != bit) term = builder_.Mul(term, Minor(row + 1, columns & ~bit));
      sum = sum.empty() ? term : builder_.Op(is_added ? "Add" : "Sub", {sum, term});
      is_added = !is_added;
    }
    return minors_[columns] = sum;
  }

  std::string Determinant() { return Minor(0, (1u << Size()) - 1); }

 private:
  int64_t Size() const { return shape_.dim(shape_.rank() - 1); }

  std::string Element(int64_t row, int64_t column) {
    const std::string one_row = builder_.Slice(matrices_, shape_.rank() - 2, row, row + 1);
    return builder_.Slice(one_row, shape_.rank() - 1, column, column + 1);
  }

  const std::string& matrices_;
  const Shape shape_;
  PartsBuilder& builder_;
  std::map<unsigned, std::string> minors_;  // by their columns
};

absl::StatusOr<Parts> RewriteDet(const NodeContext& context, UniqueNames& names) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  const int rank = src.shape.rank();
  if (rank < 2 || src.shape.dim(rank - 2) != src.shape.dim(rank - 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a source of shape ", src.shape.ToString(), " has no square matrices"));
  }
  const int64_t size = src.shape.dim(rank - 1);
  if (size < 1 || size > kLargestMatrix) {
    return absl::UnimplementedError(absl::StrCat("determinants of matrices of size ", size));
  }
  PartsBuilder builder(context, names);
  const std::string determinant =
      Expansion(context.node.inputs[0], src.shape, builder).Determinant();
  std::vector<int64_t> sizes(src.shape.dims().begin(), src.shape.dims().end() - 2);
  builder.Result(0, builder.Reshape(determinant, std::move(sizes)));
  return builder.Take();
}

constexpr std::array kDeterminantRewrites = {Rewrite{"", "Det", RewriteDet}};

}  // namespace

absl::Span<const Rewrite> DeterminantRewrites() { return kDeterminantRewrites; }

}  // namespace halftone
