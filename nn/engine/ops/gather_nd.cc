#include "nn/engine/ops/gather_nd.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops/checks.h"

namespace halftone {
namespace {

// The largest number of tuples that floats can count.
constexpr int64_t kMaxTuples = int64_t{1} << 24;

// OK if `indices` is [batch, N, axes].
absl::Status CheckTuples(const Shape& indices, int64_t batch, int64_t axes) {
  if (indices.rank() == 3 && indices.dim(0) == batch && indices.dim(2) == axes) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("indices ", indices.ToString(), " for ", axes, " axes in a batch of ", batch));
}

// [batch, sizes...]
std::vector<int64_t> BatchOf(int64_t batch, const std::vector<int64_t>& sizes) {
  std::vector<int64_t> dims = {batch};
  dims.insert(dims.end(), sizes.begin(), sizes.end());
  return dims;
}

}  // namespace

absl::StatusOr<std::vector<Shape>> GatherNdOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  const Shape &src = srcs[0], &indices = srcs[1];
  if (src.rank() < 2) {
    return absl::InvalidArgumentError(absl::StrCat("source ", src.ToString(), " has no rows"));
  }
  HT_RETURN_IF_ERROR(CheckTuples(indices, src.dim(0), src.rank() - 2));
  return std::vector<Shape>{{src.dim(0), indices.dim(1), src.dim(src.rank() - 1)}};
}

absl::StatusOr<std::vector<ValueId>> GatherNdOp::Vjp(ProgramBuilder& builder,
                                                     const VjpRequest& request) const {
  std::vector<ValueId> diffs(2, kNoValue);
  if (!request.needed[0]) return diffs;
  const std::vector<int64_t>& dims = builder.shape(request.srcs[0]).dims();
  auto add =
      std::make_shared<ScatterNdAddOp>(std::vector<int64_t>(dims.begin() + 1, dims.end() - 1));
  HT_ASSIGN_OR_RETURN(diffs[0],
                      builder.Apply1(std::move(add), {request.diff_dsts[0], request.srcs[1]}));
  return diffs;
}

absl::StatusOr<std::vector<Shape>> ScatterNdAddOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  const Shape &src = srcs[0], &indices = srcs[1];
  if (src.rank() != 3) {
    return absl::InvalidArgumentError(absl::StrCat("source ", src.ToString(), " is no rows"));
  }
  HT_RETURN_IF_ERROR(CheckTuples(indices, src.dim(0), static_cast<int64_t>(sizes.size())));
  if (src.dim(1) != indices.dim(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat(indices.dim(1), " indices for the rows of ", src.ToString()));
  }
  std::vector<int64_t> dims = BatchOf(src.dim(0), sizes);
  dims.push_back(src.dim(2));
  return std::vector<Shape>{Shape(dims)};
}

absl::StatusOr<std::vector<ValueId>> ScatterNdAddOp::Vjp(ProgramBuilder& builder,
                                                         const VjpRequest& request) const {
  std::vector<ValueId> diffs(2, kNoValue);
  if (!request.needed[0]) return diffs;
  HT_ASSIGN_OR_RETURN(diffs[0], builder.Apply1(std::make_shared<GatherNdOp>(),
                                               {request.diff_dsts[0], request.srcs[1]}));
  return diffs;
}

absl::StatusOr<std::vector<Shape>> LastWriterOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  const Shape& indices = srcs[0];
  const int64_t batch = indices.rank() == 0 ? 0 : indices.dim(0);
  HT_RETURN_IF_ERROR(CheckTuples(indices, batch, static_cast<int64_t>(sizes.size())));
  if (indices.dim(1) > kMaxTuples) {
    return absl::UnimplementedError(
        absl::StrCat(indices.dim(1), " computed indices (limit ", kMaxTuples, ")"));
  }
  return std::vector<Shape>{Shape(BatchOf(batch, sizes))};
}

absl::StatusOr<std::vector<ValueId>> LastWriterOp::Vjp(ProgramBuilder&, const VjpRequest&) const {
  return std::vector<ValueId>{kNoValue};
}

}  // namespace halftone
