#include <algorithm>
#include <vector>

#include "nn/engine/onednn/kernels/stack_product_kernel.h"
#include "nn/engine/onednn/steps.h"

namespace halftone {
namespace {

// The layout that most of the values have, among those with one contiguous piece per sample; plain
// where they have not the same axes. Padding holds zeros, which add nothing.
Layout CommonSampleLayout(const StepBuilder& steps, const std::vector<ValueId>& values) {
  const Shape& shape = steps.shape(values[0]);
  Layout best = PlainLayout(shape);
  std::ptrdiff_t most = 0;
  for (ValueId value : values) {
    if (steps.shape(value) != shape) return PlainLayout(shape);
    const Layout layout = LayoutWithAxes(steps, value);
    if (!IsOuterMost(layout, 0)) continue;
    const std::ptrdiff_t count = std::count_if(values.begin(), values.end(), [&](ValueId other) {
      return steps.HasLayout(other, layout);
    });
    if (count <= most) continue;
    most = count;
    best = layout;
  }
  return best;
}

// Where the elements of a part are found among the buffers of the step.
struct PartBuffers {
  size_t value;
  int subtracted;  // -1: nothing is
};

}  // namespace

void AddStackProduct(StepBuilder& steps, const StackProduct& product, ValueId dst) {
  const std::vector<ValueId> values = product.Sources();
  const Layout layout = CommonSampleLayout(steps, values);
  std::vector<BufferId> buffers;
  const auto add = [&](ValueId value) {
    const Shape& shape = steps.shape(value);
    const bool common = DnnlDims(shape) == layout.get_dims();
    buffers.push_back(steps.Source(value, common ? layout : PlainLayout(shape)));
    return buffers.size() - 1;
  };
  const auto add_all = [&](const std::vector<StackPart>& parts) {
    std::vector<PartBuffers> places;
    for (const StackPart& part : parts) {
      places.push_back({add(part.value), -1});
      if (part.subtracted != kNoValue)
        places.back().subtracted = static_cast<int>(add(part.subtracted));
    }
    return places;
  };
  const std::vector<PartBuffers> rows = add_all(product.rows), columns = add_all(product.columns);
  const int64_t samples = steps.shape(values[0]).dim(0);
  const int64_t elements = StoredElements(layout) / samples;
  buffers.push_back(steps.DefinePlain(dst));
  steps.AddKernel(
      [=](absl::Span<float* const> b) {
        const auto bind = [&](const std::vector<PartBuffers>& places) {
          std::vector<StackRow> bound;
          for (const PartBuffers& place : places) {
            bound.push_back({b[place.value], place.subtracted < 0
                                                 ? nullptr
                                                 : b[static_cast<size_t>(place.subtracted)]});
          }
          return bound;
        };
        StackProductKernel(samples, elements, bind(rows), bind(columns), b.back());
      },
      buffers);
}

}  // namespace halftone
