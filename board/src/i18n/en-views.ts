// Texts of the graph, the step-through, the playground, the boundary, the weights and the drawing.
export const enViews = {} as const;
